"""Gradients by every public route in the real sandbox: what was computed passes, what was not does not."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from documentation import notebook_of

from grader.catalog import Bundle, parse
from grader.domain.result import CheckResult, Verdict
from grader.flow.assess import assess
from grader.flow.prove import prove
from grader.notebook.read import read

FOUR = "x = torch.ones(2, 2, requires_grad=True)\ny = x + 2\nout = (3 * y**2).mean()\n"
LINE = "x = torch.tensor(3.)\nw = torch.tensor(4., requires_grad=True)\nb = torch.tensor(5., requires_grad=True)\n"
NET = (
    "torch.manual_seed(0)\nx = torch.randn(5, 4)\nt = torch.randn(5, 2)\n"
    "w1 = torch.randn(4, 6, requires_grad=True)\nw2 = torch.randn(6, 6, requires_grad=True)\n"
    "w3 = torch.randn(6, 2, requires_grad=True)\n"
)
CELU = "h = torch.celu(torch.celu(x @ w1) @ w2) @ w3\nloss = ((h - t)**2).mean()\n"
XY = "x = torch.tensor(1., requires_grad=True)\ny = torch.tensor(2., requires_grad=True)\nz = (x + 2*y)**2\n"
CHAIN = (
    "a = torch.tensor(1., requires_grad=True)\nb = torch.tensor(2., requires_grad=True)\n"
    "c = torch.tensor(3., requires_grad=True)\nu = a * b\nv = u + torch.exp(c)\n"
)
MODEL = (
    "torch.manual_seed(1)\nmodel = nn.Sequential(nn.Linear(3, 4), nn.CELU(), nn.Linear(4, 1))\n"
    "data = torch.arange(6.).reshape(2, 3)\n"
)
DESCENT = "w = torch.tensor([2., -1.], requires_grad=True)\nfor step in range(5):\n"
SQUARES = "    loss = (w**2).sum()\n    loss.backward()\n"

TASKS: dict[str, tuple[str, str]] = {
    "four and a half": ("x", FOUR + "out.backward()\nprint(x.grad)"),
    "line": ("{of: [w, b]}", LINE + "y = w * x + b\ny.backward()"),
    "none": ("{of: x, none: true}", LINE + "y = w * x + b\ny.backward()\nprint(x.grad)"),
    "square": ("{of: x, at: 3.}", "x = torch.tensor(3., requires_grad=True)\n(x**2).backward()\nprint(x.grad)"),
    "sine": ("{of: x}", "x = torch.tensor(torch.pi, requires_grad=True)\ntorch.sin(x).backward()\nprint(x.grad)"),
    "root": ("{of: x}", "x = torch.tensor(4., requires_grad=True)\n((x.sqrt() + 1)**3).backward()\nprint(x.grad)"),
    "both": ("{of: [x, y]}", XY + "z.backward()"),
    "chain": ("{of: [a, b, c]}", CHAIN + "torch.log(v).backward()"),
    "accumulated": (
        "{of: x}",
        "x = torch.tensor(2., requires_grad=True)\n(3*x**3).backward()\nprint(x.grad)\n"
        "(3*x**3).backward()\nprint(x.grad)",
    ),
    "zeroed": (
        "{of: x}",
        "x = torch.tensor(2., requires_grad=True)\n(3*x**3).backward()\nx.grad.zero_()\n(3*x**3).backward()",
    ),
    "network": ("{of: [w1, w2, w3]}", NET + CELU + "loss.backward()"),
    "module": ("{module: model}", MODEL + "model(data).sum().backward()"),
    "one weight": ('{of: "model[0].weight"}', MODEL + "model(data).sum().backward()"),
    "descent": (
        "{of: w}",
        DESCENT + SQUARES + "    if step < 4:\n        with torch.no_grad():\n            w -= 0.1 * w.grad\n"
        "        w.grad.zero_()",
    ),
    "hidden layer": (
        "{of: h}",
        "x = torch.tensor([1., 2.], requires_grad=True)\nh = x * 3\nh.retain_grad()\n(h**2).sum().backward()",
    ),
    "second": (
        "{of: second}",
        "x = torch.tensor(2., requires_grad=True)\ny = x**4\n"
        "first, = torch.autograd.grad(y, x, create_graph=True)\nsecond, = torch.autograd.grad(first, x)",
    ),
}
NUMBER = {task: place for place, task in enumerate(TASKS, start=1)}
OPENING = "# %%\nimport torch\nfrom torch import nn\n"


def cells_of(task: str, code: str) -> str:
    return f"# %% [markdown]\n# ## Question {NUMBER[task]}\n# %%\n{code}\n"


def read_cases(file: str) -> list[Any]:
    """The answers in a file, each below `# === task: name` or `# === task: name => code`."""
    text = (Path(__file__).parent / "gradients" / file).read_text("utf-8")
    cases = []
    for part in text.split("\n# === ")[1:]:
        title, _, code = part.partition("\n")
        case, _, said = title.partition(" => ")
        cases.append(pytest.param(case.partition(": ")[0], said, code.strip("\n"), id=case))
    return cases


VERDICTS = {
    "gradient.doubtful": Verdict.NEEDS_REVIEW,
    "gradient.not_moved": Verdict.NEEDS_REVIEW,
    "gradient.missing": Verdict.MISSING,
    "gradient.missing_name": Verdict.MISSING,
    "gradient.no_module": Verdict.MISSING,
    "gradient.not_tensor": Verdict.MALFORMED,
}
"""Of the codes whose verdict is another one than failed."""


@pytest.fixture(scope="module")
def check(sandbox_runner) -> Iterator[Callable[[str, str], CheckResult]]:
    spec = ["title: {ja: 勾配, en: Gradients}", "questions:"]
    for task, (settings, _) in TASKS.items():
        spec += [f"  q{NUMBER[task]}:", "    prompt: {ja: 勾配, en: A gradient}"]
        spec += [f"    gradient: {settings}", "    points: 10"]
    reference = OPENING + "".join(cells_of(task, code) for task, (_, code) in TASKS.items())
    files = {"assignment.yaml": "\n".join(spec).encode(), "reference.ipynb": notebook_of(reference)}
    loaded = parse(Bundle(slug="gradients", files=files))
    expected = prove(loaded, runner=sandbox_runner, secret=b"gradients")

    def graded(task: str, code: str) -> CheckResult:
        notebook = read(notebook_of(OPENING + cells_of(task, code)))
        done = assess(
            notebook, assignment=loaded.assignment, expected=expected, runner=sandbox_runner, key=b"a student"
        )
        (result,) = [one for one in done.result.questions if one.question_id == f"q{NUMBER[task]}"]
        return result.checks[0]

    return graded


@pytest.mark.parametrize("task", TASKS)
def test_the_reference_earns_its_points(task, check):
    result = check(task, TASKS[task][1])

    assert (result.verdict, result.score) == (Verdict.PASSED, 10), (result.code, result.facts)


@pytest.mark.parametrize(("task", "said", "code"), read_cases("right.txt"))
def test_a_right_gradient_passes_by_any_route(task, said, code, check):
    result = check(task, code)

    assert result.verdict is Verdict.PASSED, (result.code, result.facts)


@pytest.mark.parametrize(("task", "said", "code"), read_cases("wrong.txt"))
def test_what_is_not_the_gradient_from_autograd_earns_nothing(task, said, code, check):
    result = check(task, code)

    assert (result.code, result.verdict) == (said, VERDICTS.get(said, Verdict.FAILED)), result.facts
    assert result.score == 0
