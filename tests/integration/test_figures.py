"""Pictures that real kernels plot: which of them count, and which of them are empty."""

from collections.abc import Callable
from typing import Any

import pytest

from grader.domain.execution import CellRun, Evidence, Limits
from grader.domain.notebook import Cell, CellKind, Notebook
from grader.domain.result import Finding, Verdict
from grader.grading.checks.figure import FigureCheck
from grader.sandbox.runner import SandboxRunner

SET_UP = "import matplotlib.pyplot as plt\nimport numpy as np\nimport torch\nx = np.linspace(-3, 3, 50)"

DRAWN = {
    "a line": "plt.plot(x, np.tanh(x))\nplt.show()",
    "without show": "plt.plot(x, x)",
    "a tensor": "t = torch.linspace(0, 1, 20)\nplt.plot(t, t ** 2)",
    "points": "plt.scatter(x, x ** 2)\nplt.show()",
    "one point": "plt.plot([1], [1], 'o')",
    "a constant": "plt.plot([0, 1, 2], [1, 1, 1])",
    "a grey line across": "plt.axhline(0.5, color='gray')",
    "bars": "plt.bar(['a', 'b'], [1, 2])",
    "a histogram": "plt.hist(np.sin(x))",
    "a picture of numbers": "plt.imshow(np.outer(x, x))\nplt.colorbar()",
    "a grey picture": "plt.imshow(torch.arange(64.).reshape(8, 8), cmap='gray')",
    "a picture in one colour": "plt.imshow(np.zeros((4, 4)))",
    "a filled area": "plt.fill_between(x, 0, np.exp(-x ** 2))",
    "contours": "plt.contour(np.outer(x, x))",
    "words in the axes": "plt.text(0.4, 0.5, 'minimum')",
    "without axes": "plt.plot(x, x)\nplt.axis('off')",
    "with a grid": "plt.plot(x, np.sin(x))\nplt.grid()",
    "faint": "plt.plot(x, x, alpha=0.3, linewidth=0.5)",
    "white on black": "with plt.style.context('dark_background'):\n    plt.plot(x, x)\n    plt.show()",
    "the last of four": "fig, axes = plt.subplots(2, 2)\naxes[1, 1].plot(x, x)\nplt.show()",
    "in the object's own way": "fig, ax = plt.subplots()\nax.plot(x, x, 'k--')\nax.set_title('題')\nfig",
    "in three dimensions": "plt.figure().add_subplot(projection='3d').plot(x, x, x)",
    "on a circle": "plt.polar(x, abs(x))",
    "small": "plt.figure(figsize=(1.5, 1))\nplt.plot(x, x)",
    "a line and a legend of nothing": "plt.plot(x, x)\nplt.legend([])",
    "a point and a legend of nothing": "plt.plot([1], [1], '.')\nplt.legend([])",
    "a legend alone": "plt.plot([], [], label='loss')\nplt.legend()",
    "a hollow square": "plt.plot([1], [1], 's', color='gray', markerfacecolor='none')",
    "japanese": "plt.plot(x, x, label='損失')\nplt.legend()\nplt.title('学習曲線')",
}
EMPTY = {
    "axes alone": "plt.axes()\nplt.show()",
    "axes of the object's own": "fig, ax = plt.subplots()",
    "axes with titles": "plt.title('Loss')\nplt.xlabel('epoch')\nplt.ylabel('loss')\nplt.show()",
    "axes with a grid": "plt.grid()\nplt.show()",
    "four axes": "plt.subplots(2, 2)\nplt.tight_layout()",
    "no data in the plot": "plt.plot([], [])",
    "axes that nobody sees": "plt.axis('off')",
    "without upper and right edge": "ax = plt.axes()\nax.spines[['top', 'right']].set_visible(False)",
    "ticks inwards": "plt.axes().tick_params(direction='in', top=True, right=True)",
    "another style": "with plt.style.context('ggplot'):\n    plt.axes()\n    plt.show()",
    "yet another style": "with plt.style.context('seaborn-v0_8'):\n    plt.axes()\n    plt.show()",
    "dark": "with plt.style.context('dark_background'):\n    plt.axes()\n    plt.show()",
    "small axes": "plt.figure(figsize=(2, 1.5))\nplt.axes()",
    "a legend of nothing": "plt.legend([])\nplt.title('Loss')",
    "a legend of nothing at the bottom": "plt.grid()\nplt.legend([], loc='lower left')",
    "a large legend of nothing": "plt.figure(figsize=(12, 9), dpi=150)\nplt.legend([])",
    "large axes": "plt.figure(figsize=(12, 9), dpi=150)\nplt.axes()",
}
NOT_SHOWN = {
    "nothing": "y = 1",
    "a figure without axes": "plt.figure()\nplt.show()",
    "saved and closed": "plt.plot(x, x)\nplt.savefig('a.png')\nplt.close()",
}
SEVERAL = {
    "shown twice": "fig, ax = plt.subplots()\nax.plot(x, x)\nfig",
    "two figures": "plt.plot(x, x)\nplt.show()\nplt.plot(x, -x)\nplt.show()",
    "one of them empty": "plt.plot(x, x)\nplt.show()\nplt.axes()\nplt.show()",
}
CELLS = DRAWN | EMPTY | NOT_SHOWN | SEVERAL


@pytest.fixture(scope="module")
def runs(sandbox_runner: SandboxRunner) -> dict[str, CellRun]:
    """All cells in one notebook: a kernel that has matplotlib takes a moment for each picture."""
    sources = [SET_UP, *CELLS.values()]
    cells = [
        Cell(index=index, kind=CellKind.CODE, source=source, cell_id=f"c{index}")
        for index, source in enumerate(sources)
    ]
    limits = Limits(question_s=60, outside_s=120, total_s=120)
    execution = sandbox_runner.run(Notebook(cells=tuple(cells)), plan=(), limits=limits)
    assert [run.error for run in execution.cells if run.error is not None] == []
    return dict(zip(CELLS, execution.cells[1:], strict=True))


@pytest.fixture
def judge(runs: dict[str, CellRun]) -> Callable[..., Finding]:
    def judge(name: str, **settings: Any) -> Finding:
        run = runs[name]
        evidence = Evidence(source="", notebook_source="", outputs=run.outputs, cell_runs=(run,), replies={})
        return FigureCheck(**settings).evaluate(actual=evidence, expected=evidence)

    return judge


@pytest.mark.parametrize("name", DRAWN)
def test_what_is_drawn_counts(name: str, judge: Callable[..., Finding]) -> None:
    finding = judge(name)
    assert (finding.verdict, finding.code, finding.facts["count"]) == (Verdict.PASSED, "figure.passed", 1)


@pytest.mark.parametrize("name", EMPTY)
def test_axes_alone_do_not(name: str, judge: Callable[..., Finding]) -> None:
    assert judge(name).code == "figure.blank"
    assert judge(name, blank=True).code == "figure.passed"


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("nothing", "figure.nothing"),
        ("a figure without axes", "figure.no_axes"),
        ("saved and closed", "figure.nothing"),
    ],
)
def test_what_is_not_shown_is_missing(name: str, code: str, judge: Callable[..., Finding]) -> None:
    finding = judge(name)
    assert (finding.verdict, finding.code) == (Verdict.MISSING, code)


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("shown twice", "figure.too_few"),
        ("two figures", "figure.passed"),
        ("one of them empty", "figure.blank"),
    ],
)
def test_two_figures_are_asked_for(name: str, code: str, judge: Callable[..., Finding]) -> None:
    assert judge(name, count=2).code == code
    assert judge(name).code == "figure.passed"
