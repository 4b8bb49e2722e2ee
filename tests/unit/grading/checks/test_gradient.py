"""The gradient kind on homework 8's question 6, where f(1) and f'(1) are both -12."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from grader.domain.probe import PRINTED
from grader.domain.result import Finding, Verdict
from grader.domain.values import NamesReply, ScalarValue
from grader.grading.checks.gradient import GradientCheck
from grader.grading.checks.gradient_witness import numbers_of_replay

CHECK = GradientCheck(of="x", at=1.0)
F = "def f(x):\n    return 2*x**3 - 3*x**2 - 12*x + 1\n"
X = "x = torch.tensor(1., requires_grad=True)\n"
REFERENCE = F + X + "y = f(x)\ny.backward()\nprint(x.grad)"


@pytest.fixture
def judge(play: Callable[..., Any]) -> Callable[..., Finding]:
    def judged(*cells: str, before: tuple[str, ...] = ("import torch",), check: GradientCheck = CHECK) -> Finding:
        expected = play([REFERENCE]).asked(CHECK)
        return check.evaluate(actual=play(cells, before=before).asked(check), expected=expected)

    return judged


RIGHT = {
    "backward and grad": REFERENCE,
    "another leaf name": F + "a = torch.tensor(1., requires_grad=True)\nf(a).backward()\na.grad",
    "another function name": REFERENCE.replace("f(x)", "func(x)"),
    "only kept, nothing printed": F + X + "f(x).backward()",
    "a leaf of shape (1,)": F + "x = torch.tensor([1.], requires_grad=True)\ny = f(x)\ny.backward()\nprint(x.grad)",
    "float64": F + "x = torch.tensor(1., dtype=torch.float64, requires_grad=True)\nf(x).backward()\nprint(x.grad)",
    "a Parameter": F + "p = torch.nn.Parameter(torch.tensor(1.))\nf(p).backward()\nprint(p.grad)",
    "ones": F + "x = torch.ones(1, requires_grad=True)\nf(x).sum().backward()\nx.grad",
    "requires_grad_ afterwards": F + "x = torch.tensor(1.)\nx.requires_grad_(True)\nf(x).backward()\nprint(x.grad)",
    "backward with a gradient": F + X + "y = f(x)\ny.backward(torch.tensor(1.))\nprint(x.grad)",
    "torch.autograd.backward": F + X + "torch.autograd.backward(f(x))\nprint(x.grad)",
    "zeroed before": F + X + "f(x).backward()\nx.grad.zero_()\nf(x).backward()\nprint(x.grad)",
    "set to None before": F + X + "f(x).backward()\nx.grad = None\nf(x).backward()\nprint(x.grad)",
    "autograd.grad kept": F + X + "g = torch.autograd.grad(f(x), x)\nprint(g)",
    "autograd.grad unpacked": F + X + "g, = torch.autograd.grad(f(x), x)\nprint(g)",
    "autograd.grad printed": F + X + "print(torch.autograd.grad(f(x), x))",
    "autograd.grad as the result": F + X + "torch.autograd.grad(f(x), x)[0]",
    "grad under an alias": "from torch.autograd import grad as g\n" + F + X + "print(g(f(x), x)[0].item())",
    "autograd imported": "from torch import autograd\n" + F + X + "print(autograd.grad(f(x), x, create_graph=True)[0])",
    "torch under an alias": "import torch as T\n" + F + "print(T.func.grad(f)(T.tensor(1.)))",
    "func.grad": F + "print(torch.func.grad(f)(torch.tensor(1.0)))",
    "func.grad kept as a function": F + "df = torch.func.grad(f)\nprint('df(1) =', df(torch.tensor(1.0)))",
    "from torch.func": "from torch.func import grad\n" + F + "grad(f)(torch.tensor(1.0))",
    "star import": "from torch.func import *\n" + F + "d = grad(f)(torch.tensor(1.0))",
    "func.jacrev": F + "print(torch.func.jacrev(f)(torch.tensor(1.0)).item())",
    "func.jacfwd": F + "jac = torch.func.jacfwd(f)(torch.tensor(1.0))",
    "func.vjp": F + "y, back = torch.func.vjp(f, torch.tensor(1.0))\nprint(back(torch.tensor(1.0)))",
    "func.jvp": F + "y, dy = torch.func.jvp(f, (torch.tensor(1.0),), (torch.tensor(1.0),))\nprint(y, dy)",
    "func.grad_and_value": F + "dy, y = torch.func.grad_and_value(f)(torch.tensor(1.0))\nprint(dy)",
    "functional.jacobian": F + "from torch.autograd.functional import jacobian\nprint(jacobian(f, torch.tensor(1.)))",
    "functional.jacobian of a vector": F + "j = torch.autograd.functional.jacobian(f, torch.tensor([1.]))",
    "functional.vjp": F + "out, v = torch.autograd.functional.vjp(f, torch.tensor(1.))\nprint(v)",
    "functional.jvp": F + "print(torch.autograd.functional.jvp(f, torch.tensor(1.), torch.tensor(1.))[1])",
    "forward mode": (
        "import torch.autograd.forward_ad as fwAD\n" + F + "with fwAD.dual_level():\n"
        "    d = fwAD.make_dual(torch.tensor(1.), torch.tensor(1.))\n    t = fwAD.unpack_dual(f(d)).tangent\nprint(t)"
    ),
    "inside a function": F + "def df(a):\n    x = torch.tensor(a, requires_grad=True)\n    f(x).backward()\n    "
    "return x.grad\nprint(df(1.0))",
    "inside a function, as a number": F + "def df(a):\n  t = torch.tensor(float(a), requires_grad=True)\n  y = f(t)\n"
    "  y.backward()\n  return t.grad.item()\nanswer = df(1)\nprint(f'f(1) の微分は {answer:.1f} です')",
    "inside main": F + "def main():\n  x = torch.tensor(1., requires_grad=True)\n  f(x).backward()\n"
    "  print(x.grad)\nif __name__ == '__main__':\n  main()",
    "a lambda": "f = lambda x: 2*x**3-3*x**2-12*x+1\n" + X + "f(x).backward()\nprint('grad:', x.grad)",
    "a class": F + "class D:\n  def __init__(self):\n    self.x = torch.tensor(1., requires_grad=True)\n"
    "  def run(self):\n    f(self.x).backward()\n    return self.x.grad\nprint(D().run())",
    "rounded": F + X + "f(x).backward()\nr = round(x.grad.item())",
    "formatted with percent": F + X + "g = torch.autograd.grad(f(x), x)[0]\nprint('%.2f' % g)",
    "formatted with format": F + X + "print('f({}) = {}'.format(1, torch.autograd.grad(f(x), x)[0].item()))",
    "concatenated": F + X + "print('答え: ' + str(torch.autograd.grad(f(x), x)[0].item()))",
    "beside f(1)": F + X + "y = f(x)\nprint(y.item(), torch.autograd.grad(y, x)[0].item())",
    "several prints": F + X + "y = f(x)\nprint('y', y)\ng = torch.autograd.grad(y, x)\ndel x\nprint('dy/dx =', g[0])",
    "name used again": F + X + "f(x).backward()\nprint(x.grad)\nx = 6*1**2 - 6*1 - 12\nprint(x)",
    "several points in a loop": F + "for v in [1., 2., 3.]:\n  x = torch.tensor(v, requires_grad=True)\n"
    "  f(x).backward()\n  print(x.grad)",
    "several points in a list": F + "def df(v):\n  return torch.func.grad(f)(torch.tensor(v))\n"
    "grads = [df(v) for v in (0., 1., 2.)]\nprint(df(1.))",
    "kept in a dict": F + "r = {}\nfor n, v in (('a', 1.), ('b', 2.)):\n  x = torch.tensor(v, requires_grad=True)\n"
    "  f(x).backward()\n  r[n] = x.grad\nprint(r['a'])",
    "kept in a list": F
    + "gs = []\nfor v in (0., 1., 2.):\n  x = torch.tensor(v, requires_grad=True)\n  f(x).backward()\n"
    "  gs.append(x.grad.item())\ng1 = gs[1]",
    "after None": F + X + "g = None\nfor i in range(1):\n  g = torch.autograd.grad(f(x), x)[0]\nprint(g)",
    "displayed": F + X + "display(torch.autograd.grad(f(x), x)[0])",
    "under no_grad afterwards": F + X + "f(x).backward()\nwith torch.no_grad():\n  d = x.grad\nprint(d)",
    "detached to NumPy": F + X + "f(x).backward()\nd = x.grad.detach().numpy()\nprint(d)",
    "checked by hand with the same number": REFERENCE + "\nprint(6*1**2 - 6*1 - 12)\nhand = -12",
    "an error afterwards": REFERENCE + "\nplt.plot(x)",
}


@pytest.mark.parametrize("source", [pytest.param(source, id=name) for name, source in RIGHT.items()])
def test_every_public_route_under_any_name_passes(source: str, judge: Callable[..., Finding]) -> None:
    finding = judge(source)
    assert (finding.verdict, finding.code) == (Verdict.PASSED, "gradient.passed"), finding


WRONG = {
    "f(1) returned": (F + "f(torch.tensor(1.))", "gradient.no_autograd"),
    "f(1) printed": (F + X + "y = f(x)\nprint(y)", "gradient.no_backward"),
    "f(1) printed as a number": (F + "print(f(1))", "gradient.no_autograd"),
    "a hard-coded number": (F + "print(-12)", "gradient.no_autograd"),
    "a hard-coded tensor": (F + "x = torch.tensor(-12.)\nprint(x)", "gradient.no_autograd"),
    "a hard-coded name": (F + "dx = -12.0\nprint('dy/dx =', dx)", "gradient.no_autograd"),
    "by hand": (F + "def df(x):\n  return 6*x**2-6*x-12\nprint(df(1))", "gradient.no_autograd"),
    "by finite differences": (F + "h = 1e-3\nprint((f(1+h)-f(1-h))/(2*h))", "gradient.no_autograd"),
    "torch.gradient": (F + "v = torch.tensor([0., 1., 2.])\nprint(torch.gradient(f(v)))", "gradient.no_autograd"),
    "a faked grad": (F + X + "x.grad = torch.tensor(-12.)\nprint(x.grad)", "gradient.faked"),
    "backward twice": (F + X + "f(x).backward()\nf(x).backward()\nprint(x.grad)", "gradient.wrong"),
    "another function": (X + "(x**2).backward()\nprint(x.grad)", "gradient.wrong"),
    "the second derivative": (F + X + "g = torch.func.hessian(f)(torch.tensor(1.))", "gradient.wrong"),
    "wrong and f(1) beside it": (F + X + "y = f(x)\n(y*2).backward()\nprint(y)\nprint(x.grad)", "gradient.wrong"),
    "wrong and a hard-coded print": (X + "(x**2).backward()\nprint(-12.0)", "gradient.wrong"),
    "wrong and an object that prints the number": (
        X + "(x*1).backward()\nclass A:\n  def __repr__(s): return '-12.'\nprint(A())",
        "gradient.wrong",
    ),
    "wrong and a hard-coded name": (X + "(x**2).backward()\ndx = torch.tensor(-12.)", "gradient.wrong"),
    "the value of grad_and_value": (
        "def f(x): return 2*x**3-3*x**2-12*x+1\ng = lambda x: f(x)*2\n"
        "dy, y = torch.func.grad_and_value(g)(torch.tensor(1.))\nprint(y/2)",
        "gradient.wrong",
    ),
    "at 0, where it is -12 too": (F + X.replace("1.", "0.") + "f(x).backward()\nprint(x.grad)", "gradient.wrong_point"),
    "func.grad at 0": (F + "print(torch.func.grad(f)(torch.tensor(0.)))", "gradient.wrong_point"),
    "at 2": (F + X.replace("1.", "2.") + "f(x).backward()\nprint(x.grad)", "gradient.wrong_point"),
    "an integer tensor": (F + "x = torch.tensor(1, requires_grad=True)\nf(x).backward()", "gradient.int_tensor"),
    "no requires_grad": (F + "x = torch.tensor(1.)\nf(x).backward()\nprint(x.grad)", "gradient.not_required"),
    "a vector without sum": (
        F + "x = torch.tensor([1., 2.], requires_grad=True)\nf(x).backward()\nprint(x.grad)",
        "gradient.not_scalar",
    ),
    "grad of what is no leaf": (F + X + "x = x * 1\nf(x).backward()\nprint(x.grad)", "gradient.not_leaf"),
    "never called backward": (F + X + "y = f(x)\nprint(x.grad)", "gradient.no_backward"),
    "a misspelt name": (F + X + "y = f(xx)\ny.backward()\nprint(x.grad)", "gradient.raised"),
}


@pytest.mark.parametrize(("source", "code"), [pytest.param(*case, id=name) for name, case in WRONG.items()])
def test_what_is_not_autograds_derivative_fails_with_its_reason(
    source: str, code: str, judge: Callable[..., Finding]
) -> None:
    finding = judge(source)
    assert (finding.verdict, finding.code) == (Verdict.FAILED, code), finding


UNCLEAR = {
    "a decoy call and a faked grad": F + X + "(x*1).backward()\nx.grad = torch.tensor(-12.)\nprint(x.grad)",
    "filled in place": F + X + "(x*1).backward()\nx.grad.fill_(-12.)",
    "changed through another name": F + X + "(x*1).backward()\ng = x.grad\ng -= 13",
    "written through data": X + "(x*1).backward()\nx.grad.data = torch.tensor(-12.)",
    "written through an index": "x = torch.ones(1, requires_grad=True)\n(x*1).sum().backward()\nx.grad[0] = -12.",
    "written through NumPy": X + "(x*1).backward()\nx.grad.numpy()[...] = -12",
    "an own backward": "class V:\n  def backward(self): self.grad = -12.\nx = V()\nx.backward()\nprint(x.grad)",
    "a custom Function": (
        "class A(torch.autograd.Function):\n  @staticmethod\n  def forward(ctx, x): return x.clone()\n  @staticmethod\n"
        "  def backward(ctx, g): return torch.tensor(-12.)\n" + X + "A.apply(x).backward()\nprint(x.grad)"
    ),
    "a hook": X + "x.register_hook(lambda g: torch.tensor(-12.))\n(x*1).backward()",
    "exec": X + "exec('(x*-12).backward()')\nprint(x.grad)",
    "setattr": F + X + "(x*1).backward()\nsetattr(x, 'grad', torch.tensor(-12.))",
    "the tensor's own __setattr__": F + X + "(x*1).backward()\nx.__setattr__('grad', torch.tensor(-12.))",
    "torch's __setattr__": F + X + "(x*1).backward()\ntorch.Tensor.__setattr__(x, 'grad', torch.tensor(-12.))",
    "a namespace with a grad": "from types import SimpleNamespace as S\n"
    + X
    + "(x*1).backward()\nprint(S(grad=-12.).grad)",
    "a named tuple with a grad": "from collections import namedtuple\n" + X + "(x*1).backward()\n"
    "print(namedtuple('T', 'grad')(-12.).grad)",
    "a class with a grad": X + "(x*1).backward()\nclass A:\n  grad: float = -12.\nprint(A().grad)",
    "repr of all tensors": X + "(x*1).backward()\nkept = type(x).__repr__\ntype(x).__repr__ = lambda s: '-12.'\n"
    "print(x.grad)\ntype(x).__repr__ = kept",
    "a decorator that replaces the result": X + "def fake(f):\n  return lambda: -12.\n@fake\ndef g():\n"
    "  (x*1).backward()\n  return x.grad\nprint(g())",
    "a loop that never runs": X + "(x*1).backward()\ng = -12.\nfor i in range(0):\n  g = x.grad\nprint(g)",
    "a chosen direction": "d, g = torch.func.jvp(lambda x: x, (torch.tensor(1.),), (torch.tensor(-12.),))\nprint(g)",
    "a chosen vector": "d, back = torch.func.vjp(lambda x: x, torch.tensor(1.))\nprint(back(torch.tensor(-12.)))",
    "backward of a chosen number": X + "(x*1).backward(torch.tensor(-12.))\nprint(x.grad)",
    "grad with a chosen weight": X + "print(torch.autograd.grad(x*1, x, grad_outputs=torch.tensor(-12.)))",
    "NumPy's copyto": "import numpy as np\n" + X + "(x*1).backward()\nnp.copyto(x.grad.numpy(), -12.)",
    "NumPy's fill": X + "(x*1).backward()\nx.grad.numpy().fill(-12.)",
    "torch's in-place function": X + "(x*1).backward()\ntorch.fill_(x.grad, -12.)",
    "a handler that gives the number": X + "try:\n  g = oops(x).grad\n  x.backward()\nexcept NameError:\n  g = -12.\n"
    "print(g)",
    "a fake behind a source too large to follow": X + "(x*1).backward()\n" + "x\n" * 51_000 + "x.grad.fill_(-12.)",
    "arithmetic on it": F + X + "d = torch.autograd.grad(2*f(x), x)[0] / 2",
    "a print that cannot be told apart": F + X + "g, = torch.autograd.grad(f(x)*2, x)\ng = 0\nfor v in (f(x), "
    "torch.autograd.grad(f(x), x)[0] / 1):\n  print(v)",
}


@pytest.mark.parametrize("source", [pytest.param(source, id=name) for name, source in UNCLEAR.items()])
def test_what_cannot_be_decided_goes_to_a_person(source: str, judge: Callable[..., Finding]) -> None:
    finding = judge(source)
    assert finding.verdict is Verdict.NEEDS_REVIEW, finding


def test_what_the_reference_does_is_no_reason_for_doubt(play: Callable[..., Any]) -> None:
    source = F + X + "f(x).backward(torch.tensor(2.))"
    played = play([source]).asked(CHECK)
    assert CHECK.evaluate(actual=played, expected=played).verdict is Verdict.PASSED


def test_a_patched_torch_of_an_earlier_cell_goes_to_a_person(judge: Callable[..., Finding]) -> None:
    patch = "import torch\nkept = torch.Tensor.backward\ntorch.Tensor.backward = kept"
    assert judge(REFERENCE, before=(patch,)).code == "gradient.doubtful"


def test_a_lecture_that_plays_with_hooks_and_grads_does_no_harm(judge: Callable[..., Finding]) -> None:
    lecture = (
        "import torch\nw = torch.ones(2, requires_grad=True)\nw.register_hook(lambda g: g)\nw.sum().backward()\n"
        "w.grad *= 2\nexec('pass')\nclass A(torch.autograd.Function):\n  @staticmethod\n  def backward(c, g): return g"
    )
    assert judge(REFERENCE, before=(lecture,)).verdict is Verdict.PASSED


def test_a_helper_of_an_earlier_cell_counts_as_reached(judge: Callable[..., Finding]) -> None:
    helper = (
        "import torch\ndef derive(f, at):\n  x = torch.tensor(at, requires_grad=True)\n"
        "  f(x).backward()\n  return x.grad"
    )
    assert judge(F + "print(derive(f, 1.0))", before=(helper,)).verdict is Verdict.PASSED


def test_a_derivative_of_an_earlier_cell_that_is_only_shown_here_goes_to_a_person(
    judge: Callable[..., Finding],
) -> None:
    earlier = "import torch\n" + F + X + "f(x).backward()"
    assert judge("print(x.grad)", before=(earlier,)).code == "gradient.elsewhere"


def test_a_stale_gradient_of_a_lecture_is_no_answer(judge: Callable[..., Finding]) -> None:
    lecture = "import torch\nx = torch.tensor(1., requires_grad=True)\n(x*-12).backward()"
    assert judge(F + "print(f(1))", before=(lecture,)).code == "gradient.no_autograd"


def test_a_broken_cell_does_not_hide_the_others(judge: Callable[..., Finding]) -> None:
    assert judge("def f(x:\n  return", REFERENCE).verdict is Verdict.PASSED


def test_results_of_several_cells_are_told_apart(judge: Callable[..., Finding]) -> None:
    assert judge(F + X + "y = f(x)\ny", "torch.autograd.grad(y, x)", "y").verdict is not Verdict.FAILED
    assert judge(F + X + "(x**2).backward()", "f(x)").code == "gradient.wrong"


def test_nothing_at_all_is_missing(judge: Callable[..., Finding]) -> None:
    finding = judge("pass")
    assert (finding.verdict, finding.code, finding.facts["at"]) == (Verdict.MISSING, "gradient.missing", 1)


def test_the_wrong_number_is_handed_to_diagnosis_with_the_right_one(judge: Callable[..., Finding]) -> None:
    finding = judge(F + X + "f(x).backward()\nf(x).backward()")
    assert (finding.facts["name"], finding.rung) == ("x.grad", "values")
    assert (finding.actual.dtype, finding.expected.dtype) == ("float32", "float32")
    assert finding.actual.data != finding.expected.data


def test_no_fact_at_hint_level_holds_the_answer(judge: Callable[..., Finding]) -> None:
    for source, _ in WRONG.values():
        assert "12" not in str(dict(judge(source).facts))


def test_a_reference_without_autograd_decides_nothing(play: Callable[..., Any]) -> None:
    broken = play([F + "print(-12)"]).asked(CHECK)
    finding = CHECK.evaluate(actual=play([REFERENCE]).asked(CHECK), expected=broken)
    assert (finding.verdict, finding.code) == (Verdict.NEEDS_REVIEW, "gradient.no_expected")


def test_a_matrix_gradient_needs_its_shape(play: Callable[..., Any]) -> None:
    check = GradientCheck(of="w")
    reference = "w = torch.arange(6.).reshape(2, 3).requires_grad_()\n(w**2).sum().backward()"
    expected = play([reference]).asked(check)
    right = play([reference.replace("w = ", "v = ").replace("(w", "(v")]).asked(check)
    flat = play(["w = torch.arange(6.).requires_grad_()\n(w**2).sum().backward()"]).asked(check)
    assert check.evaluate(actual=right, expected=expected).verdict is Verdict.PASSED
    assert check.evaluate(actual=flat, expected=expected).code == "gradient.shape"


def test_the_short_form_is_the_name() -> None:
    assert GradientCheck.model_validate("w") == GradientCheck(of="w")


@pytest.mark.parametrize(
    "given",
    [
        pytest.param({}, id="nothing"),
        pytest.param({"of": "x", "rtol": 1e-3}, id="one tolerance"),
        pytest.param({"of": "x + y"}, id="no name"),
        pytest.param({"of": "x", "points": 3}, id="unknown field"),
    ],
)
def test_settings_that_mean_nothing_are_refused(given: object) -> None:
    with pytest.raises(ValidationError):
        GradientCheck.model_validate(given)


@pytest.mark.parametrize(
    "printed",
    [
        pytest.param("tensor([1.+2.j, 3.j])\n", id="complex"),
        pytest.param("1" * 400 + "\n", id="an integer beyond any float"),
        pytest.param("nan inf -inf\n", id="not finite"),
        pytest.param("", id="nothing"),
    ],
)
def test_whatever_a_replay_prints_is_read_without_harm(printed):
    reply = NamesReply(values={PRINTED: ScalarValue(type_name="str", value=printed)})

    assert all(numbers.dtype == np.float64 for numbers in numbers_of_replay(reply))
