"""How a loop updates, read in the code that runs."""

import textwrap

import pytest

from grader.grading.checks.training_loop import module_names, read_loop

IMPORTS = "import torch\nfrom torch import nn\n"


def read(code, *, before=IMPORTS):
    code = textwrap.dedent(code)
    return read_loop(source=code, notebook_source=before + code)


LOOP = """\
opt = torch.optim.SGD(model.parameters(), lr=0.1)
for x, y in data:
    opt.zero_grad()
    loss = loss_fn(model(x), y)
    loss.backward()
    opt.step()
"""


def test_a_plain_loop_is_read():
    loop = read(LOOP)
    assert loop.optimizers == {"SGD"}
    assert loop.has_step
    assert loop.has_backward
    assert loop.repeats_backward
    assert loop.zeroes
    assert not loop.zeroes_too_early
    assert not loop.updates_by_hand


@pytest.mark.parametrize(
    ("before", "code", "names"),
    [
        pytest.param("import torch as th\n", "o = th.optim.Adam(p)", {"Adam"}, id="torch under another name"),
        pytest.param("from torch import optim\n", "o = optim.RMSprop(p)", {"RMSprop"}, id="torch's optim"),
        pytest.param("import torch.optim as O\n", "o = O.SGD(p)", {"SGD"}, id="optim under another name"),
        pytest.param("from torch.optim import Adam as A\n", "o = A(p)", {"Adam"}, id="the class under another name"),
        pytest.param("import torch\n", "o = {'s': torch.optim.SGD}['s'](p)", {"SGD"}, id="in a table"),
        pytest.param("import torch\n", "s = torch.optim.lr_scheduler.StepLR(o)", set(), id="a schedule is none"),
        pytest.param("import torch\n", "def f(o: torch.optim.Optimizer): o.step()\nf(o)", set(), id="an annotation"),
        pytest.param("import torch\n", "# torch.optim.SGD\n'torch.optim.SGD'", set(), id="words"),
        pytest.param("import torch\n", "if False:\n    o = torch.optim.SGD(p)", set(), id="code that never runs"),
        pytest.param("import torch\n", "def f():\n    return torch.optim.SGD(p)", set(), id="a function nobody calls"),
        pytest.param(
            "import torch\ndef f():\n    return torch.optim.SGD(p)\n", "o = f()", {"SGD"}, id="made earlier on"
        ),
        pytest.param("import torch\no = torch.optim.SGD(p)\n", "w = 1", set(), id="of another question"),
    ],
)
def test_optimizers_are_found_by_what_they_are(before, code, names):
    assert read(code, before=before).optimizers == names


@pytest.mark.parametrize(
    "clear",
    [
        "w.grad.zero_()",
        "w.grad.data.zero_()",
        "w.grad = None",
        "w.grad.fill_(0)",
        "w.grad *= 0",
        "w.grad[:] = 0",
        "del w.grad",
        "model.zero_grad(set_to_none=True)",
        "for p in model.parameters():\n        p.grad = None",
        "w = w.detach().requires_grad_()",
    ],
)
def test_gradients_may_be_cleared_in_any_way(clear):
    assert read(f"for _ in range(9):\n    loss(w).backward()\n    {clear}\n").zeroes


@pytest.mark.parametrize(
    "code",
    [
        pytest.param("for _ in range(9):\n    loss(w).backward()\n", id="nowhere"),
        pytest.param("opt.zero_grad()\nfor _ in range(9):\n    loss(w).backward()\n", id="once before the loop"),
        pytest.param("for _ in range(9):\n    loss(w).backward()\nopt.zero_grad()\n", id="once behind it"),
        pytest.param("for _ in range(9):\n    loss(w).backward()\n    # opt.zero_grad()\n", id="in a comment"),
        pytest.param("for _ in range(9):\n    loss(w).backward()\n    if 0:\n        opt.zero_grad()\n", id="never"),
    ],
)
def test_gradients_that_are_not_cleared_are_noticed(code):
    loop = read(code)
    assert loop.repeats_backward
    assert not loop.zeroes


def test_one_backward_needs_no_clearing():
    assert not read("loss(w).backward()\n").repeats_backward


@pytest.mark.parametrize(
    ("body", "is_early"),
    [
        (["backward", "zero_grad", "step"], True),
        (["zero_grad", "backward", "step"], False),
        (["backward", "step", "zero_grad"], False),
        (["zero_grad", "backward", "zero_grad", "step"], True),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, list) else "",
)
def test_clearing_between_backward_and_step_is_noticed(body, is_early):
    code = "for _ in range(9):\n" + "".join(f"    {name}()\n".replace(name, f"o.{name}") for name in body)
    assert read(code).zeroes_too_early is is_early


def test_a_schedule_that_steps_after_clearing_is_fine():
    assert not read(LOOP + "    opt.zero_grad()\n    schedule.step()\n").zeroes_too_early


@pytest.mark.parametrize(
    "update",
    [
        "with torch.no_grad():\n        w -= 0.1 * w.grad",
        "with torch.no_grad():\n        w.sub_(0.1 * w.grad)",
        "with torch.no_grad():\n        w.copy_(w - 0.1 * w.grad)",
        "with torch.inference_mode():\n        w -= 0.1 * w.grad",
        "w.data -= 0.1 * w.grad",
        "w.data = w.data - 0.1 * w.grad",
        "w.data.sub_(0.1 * w.grad)",
        "w = w - 0.1 * g",
        "w -= 0.1 * g",
    ],
)
def test_an_update_by_hand_is_found(update):
    assert read(f"for _ in range(9):\n    {update}\n").updates_by_hand


def test_an_update_in_a_decorated_function_is_found():
    assert read("@torch.no_grad()\ndef step():\n    w.sub_(w.grad)\nfor _ in range(9):\n    step()\n").updates_by_hand


@pytest.mark.parametrize("line", ["total += loss.item()", "losses.append(loss.item())", "prediction = model(x)"])
def test_what_moves_no_parameter_is_no_update(line):
    assert not read(f"for _ in range(9):\n    {line}\n").updates_by_hand


def test_derivatives_by_autograd_grad_do_not_add_up():
    loop = read("for _ in range(9):\n    (g,) = torch.autograd.grad(loss(w), [w])\n")
    assert loop.zeroes
    assert loop.has_backward


@pytest.mark.parametrize(
    ("code", "names"),
    [
        pytest.param("model = nn.Linear(1, 1)", ("model",), id="of torch.nn"),
        pytest.param("m = torch.nn.Sequential(nn.Linear(1, 1)).to('cpu')", ("m",), id="and moved"),
        pytest.param("class Net(nn.Module):\n    pass\nnet = Net()", ("net",), id="of the student's class"),
        pytest.param("loss_fn = nn.MSELoss()\nmodel = nn.Linear(1, 1)", ("model",), id="a loss is none"),
        pytest.param("y = nn.functional.relu(x)", (), id="a function is none"),
        pytest.param("a = nn.Linear(1, 1)\nb = nn.Linear(1, 1)", ("a", "b"), id="two"),
        pytest.param("def f():\n    inner = nn.Linear(1, 1)", (), id="inside a function"),
        pytest.param("x = torch.ones(2)", (), id="a tensor is none"),
    ],
)
def test_modules_are_found_by_how_they_are_made(code, names):
    assert module_names(source=code, notebook_source=IMPORTS + code) == names


@pytest.mark.parametrize("code", ["for", "x = (" * 500, "\0", "", "while True:\n" + "    if x:\n" * 3], ids=repr)
def test_whatever_stands_there_is_read(code):
    assert not read_loop(source=code, notebook_source=code).optimizers
    assert module_names(source=code, notebook_source=code) == ()
