"""The replay of a question's code from inputs that are moved, with autograd's derivatives scaled."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from grader.domain.probe import PRINTED, SHIFTED, ReplayShifted
from grader.domain.values import ArrayValue, MappingValue, NamesReply, SequenceValue
from grader.grading.arrays import find_array
from grader.sandbox import wire
from grader.sandbox.kernel import probe

SCALE = 0.375
torch.func.grad(torch.square)(torch.tensor(1.0))  # imports for seconds the first time, which no copy should wait for


def replayed(source, *, names=("x", "w", "b", "g"), shifted=("x", "w", "b"), seed=7, scale=SCALE, seconds=5.0, **known):
    shell = SimpleNamespace(user_ns={"torch": torch, **known}, display_pub=None)
    before = dict(shell.user_ns)
    asked = ReplayShifted(key="k", names=names, source=source, shifted=shifted, seed=seed, scale=scale, seconds=seconds)
    key, reply = wire.read_reply(probe.answer(shell, *wire.request(asked)))
    assert key == "k"
    assert isinstance(reply, NamesReply)
    assert shell.user_ns == before
    return reply.values


def numbers(value):
    assert isinstance(value, ArrayValue), value
    return find_array(value)


def moved(values):
    shapes = values[SHIFTED]
    assert isinstance(shapes, SequenceValue)
    return [tuple(size.value for size in shape.items) for shape in shapes.items]


X = "x = torch.tensor([1., 2.], requires_grad=True)\n"
ROUTES = {
    "backward": X + "(x**2).sum().backward()\ng = x.grad",
    "autograd.backward": X + "torch.autograd.backward((x**2).sum())\ng = x.grad",
    "autograd.grad": X + "g, = torch.autograd.grad((x**2).sum(), x)",
    "func.grad": "x = torch.tensor([1., 2.])\ng = torch.func.grad(lambda x: (x**2).sum())(x)",
    "func.grad of a tensor without a name": "g = torch.func.grad(lambda x: (x**2).sum())(torch.tensor([1., 2.]))",
    "func.jacrev": "g = torch.func.jacrev(lambda x: (x**2).sum())(torch.tensor([1., 2.]))",
    "func.vjp": "_, back = torch.func.vjp(lambda x: (x**2).sum(), torch.tensor([1., 2.]))\ng, = back(torch.tensor(1.))",
    "func.grad_and_value": "g, _ = torch.func.grad_and_value(lambda x: (x**2).sum())(torch.tensor([1., 2.]))",
    "functional.jacobian": "g = torch.autograd.functional.jacobian(lambda x: (x**2).sum(), torch.tensor([1., 2.]))",
    "functional.vjp": "g = torch.autograd.functional.vjp(lambda x: (x**2).sum(), torch.tensor([1., 2.]))[1]",
    "requires_grad_ afterwards": "a = torch.tensor([1., 2.])\na.requires_grad_()\n(a**2).sum().backward()\ng = a.grad",
    "requires_grad set": "a = torch.tensor([1., 2.])\na.requires_grad = True\n(a**2).sum().backward()\ng = a.grad",
    "in a function": "def slope(at):\n    t = torch.tensor(at, requires_grad=True)\n    (t**2).sum().backward()\n"
    "    return t.grad\ng = slope([1., 2.])",
    "in a list": "ts = [torch.tensor([1., 2.], requires_grad=True)]\n(ts[0]**2).sum().backward()\ng = ts[0].grad",
    "appended": "ts = []\nts.append(torch.tensor([1., 2.], requires_grad=True))\n(ts[0]**2).sum().backward()\n"
    "g = ts[0].grad",
    "in a dict": "p = {}\np['a'] = torch.tensor([1., 2.], requires_grad=True)\n(p['a']**2).sum().backward()\n"
    "g = p['a'].grad",
    "unpacked": "a, c = torch.tensor([1., 2.], requires_grad=True), 3\n(a**2).sum().backward()\ng = a.grad",
    "an attribute": "class A: pass\no = A()\no.t = torch.tensor([1., 2.], requires_grad=True)\n"
    "(o.t**2).sum().backward()\ng = o.t.grad",
    "a Parameter": "p = torch.nn.Parameter(torch.tensor([1., 2.]))\n(p**2).sum().backward()\ng = p.grad",
    "in a loop": "for v in ([1., 2.],):\n    t = torch.tensor(v, requires_grad=True)\n    (t**2).sum().backward()\n"
    "g = t.grad",
    "errors around it": "1/0\n" + X + "oops\n(x**2).sum().backward()\ng = x.grad\n1/0",
    "called again after data": X + "x.data = torch.tensor([1., 2.])\n(x**2).sum().backward()\ng = x.grad",
}


@pytest.mark.parametrize("source", [pytest.param(source, id=name) for name, source in ROUTES.items()])
def test_every_route_to_a_gradient_gives_the_same_moved_and_scaled_one(source):
    expected = numbers(replayed(ROUTES["backward"])["g"])

    values = replayed(source)

    np.testing.assert_allclose(numbers(values["g"]), expected, rtol=1e-5)
    assert (np.abs(expected / SCALE - [2, 4]) > 0.1).all(), "it has not moved"


@pytest.mark.parametrize(
    "source",
    [
        pytest.param(X + "g = torch.tensor([2., 4.])", id="written down"),
        pytest.param(X + "x.grad = torch.tensor([2., 4.])\ng = x.grad", id="given to .grad"),
        pytest.param(X + "(x*0).sum().backward()\ng = 2 * x.detach()", id="by a formula"),
        pytest.param(X + "(x.detach()**2).sum()\ng = x**2", id="the value"),
        pytest.param(X + "(x*torch.tensor([2., 4.])).sum().backward()\ng = x.grad", id="of another function"),
    ],
)
def test_what_was_not_differentiated_from_the_inputs_does_not_move_so(source):
    expected = numbers(replayed(ROUTES["backward"])["g"])

    assert not np.allclose(numbers(replayed(source)["g"]), expected, rtol=1e-3)


def test_a_gradient_that_depends_on_no_leaf_is_scaled_all_the_same():
    values = replayed("b = torch.tensor(1., requires_grad=True)\n(2 * b).backward()")

    assert numbers(values["b"].grad) == 2 * SCALE


def test_a_named_input_moves_though_it_does_not_require_grad():
    source = "x = torch.tensor(3.)\nw = torch.tensor(2., requires_grad=True)\n(w * x).backward()"

    values = replayed(source)

    np.testing.assert_allclose(numbers(values["w"].grad), SCALE * numbers(values["x"]), rtol=1e-6)
    assert numbers(values["x"]) > 3.1
    assert moved(values) == [(), ()]
    assert moved(replayed(source, shifted=("w",))) == [()]


def test_a_leaf_of_an_earlier_cell_is_moved_and_its_gradient_forgotten():
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    (x * 100).sum().backward()

    values = replayed("(x**2).sum().backward()", x=x)

    np.testing.assert_allclose(numbers(values["x"].grad), SCALE * 2 * numbers(values["x"]), rtol=1e-6)
    assert (numbers(values["x"]) > [1.05, 2.05]).all()
    assert x.grad.tolist() == [100.0, 100.0]


def test_steps_of_descent_start_from_a_moved_place_and_are_moved_no_further():
    step = "    (w**2).sum().backward()\n    with torch.no_grad():\n        w -= 0.1 * w.grad\n    w.grad = None\n"
    start = "w = torch.tensor(4., requires_grad=True)\n"
    rebound = start + (
        "for i in range(3):\n    (w**2).sum().backward()\n    w = (w - 0.1 * w.grad).detach().requires_grad_()\n"
    )

    one = numbers(replayed(start)["w"])
    in_place = replayed(start + "for i in range(3):\n" + step)
    by_rebinding = replayed(rebound)

    np.testing.assert_allclose(numbers(in_place["w"]), one * (1 - 0.2 * SCALE) ** 3, rtol=1e-5)
    np.testing.assert_allclose(numbers(by_rebinding["w"]), numbers(in_place["w"]), rtol=1e-5)
    assert moved(in_place) == moved(by_rebinding) == [()]


def test_parameters_of_a_module_move_by_their_shapes():
    source = "m = torch.nn.Linear(2, 1)\nm(torch.ones(1, 2)).sum().backward()"
    own = (
        "class Net(torch.nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.weight = torch.nn.Parameter(torch.zeros(1, 2))\n"
        "        self.bias = torch.nn.Parameter(torch.zeros(1))\n"
        "    def forward(self, x):\n        h = x @ self.weight.T\n        return h + self.bias\n"
        "m = Net()\nm(torch.ones(1, 2)).sum().backward()"
    )
    grads = "{n: p.grad for n, p in m.named_parameters()}"

    for code in (source, own):
        values = replayed(code, names=("m", grads, "m.weight", "m.nothing"))
        assert moved(values) == [(1,), (1, 2)]
        assert isinstance(values[grads], MappingValue)
        assert {key.value: numbers(value).ravel().tolist() for key, value in values[grads].items} == {
            "weight": [SCALE, SCALE],
            "bias": [SCALE],
        }
        assert isinstance(values["m.weight"], ArrayValue)
        assert "m.nothing" not in values


def test_random_numbers_are_the_same_in_every_replay():
    source = "x = torch.randn(3, requires_grad=True)\n(x**2).sum().backward()\ng = x.grad"

    torch.manual_seed(1)
    first = numbers(replayed(source)["g"])
    torch.manual_seed(2)

    assert (numbers(replayed(source)["g"]) == first).all()


def test_positive_numbers_stay_where_logarithms_are_defined():
    for seed in range(20):
        values = replayed("x = torch.tensor([1e-3, 1., 50.], requires_grad=True)\nx.log().sum().backward()", seed=seed)
        assert np.isfinite(numbers(values["x"].grad)).all()


def test_another_seed_moves_to_another_place():
    one, other = (numbers(replayed(X, seed=seed)["x"]) for seed in (1, 2))

    assert (np.abs(one - other) > 1e-3).any()


def test_second_derivatives_are_scaled_twice():
    source = (
        "x = torch.tensor(2., requires_grad=True)\ng, = torch.autograd.grad(x**3, x, create_graph=True)\n"
        "w, = torch.autograd.grad(g, x)"
    )

    values = replayed(source)

    np.testing.assert_allclose(numbers(values["w"]), 6 * numbers(values["x"]) * SCALE**2, rtol=1e-5)


def test_what_is_printed_is_told():
    assert replayed(X + "print('hello')\n1 + 1")[PRINTED].value == "hello\n2\n"


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("import os; os._exit(0)", id="the copy ends itself"),
        pytest.param("while True: pass", id="the copy never ends"),
        pytest.param("def (", id="no Python"),
    ],
)
def test_a_replay_that_comes_to_nothing_is_an_empty_reply(source):
    assert replayed(source, seconds=1.0) == {}


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("x = torch.ones(3).expand(2, 3).requires_grad_()", id="memory that overlaps"),
        pytest.param("x = torch.ones(2).to_sparse().requires_grad_()", id="sparse"),
        pytest.param("x = torch.tensor([1, 2])", id="integers"),
        pytest.param("x = torch.empty(0, requires_grad=True)", id="empty"),
        pytest.param("x = {}\nx['a']['b'] = 1", id="a key that is missing"),
        pytest.param("(lambda: torch)().x = 1", id="an attribute of what has no name"),
        pytest.param("x = torch.func.vmap(torch.func.grad(lambda t: t**2))(torch.ones(2))", id="vmap"),
    ],
)
def test_odd_leaves_do_no_harm(source):
    assert SHIFTED in replayed(source + "\ng = 1")
    assert "g" in replayed(source + "\ng = 1")
