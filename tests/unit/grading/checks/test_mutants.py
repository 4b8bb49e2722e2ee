"""Mistakes put into a reference lose with the function and module kinds; those that survive change nothing."""

from collections.abc import Callable
from typing import Any

import pytest

from grader.authoring.mutants import make_mutants
from grader.authoring.mutants_text import Answer
from grader.domain.ids import QuestionId
from grader.domain.notebook import Cell, CellKind, Notebook
from grader.domain.result import Verdict
from grader.grading.checks.function import FunctionCheck
from grader.grading.checks.module import ModuleCheck

HEAD = "import torch\nfrom torch import nn"
Q1 = QuestionId("q1")
VECTOR = {"uniform": [-2, 2], "shape": [3]}
REFERENCES = {
    "several arguments": (
        "def f(x, y):\n    a = torch.exp(x) * 0.5\n    return (a + y**2 - 1).mean() + x.sum()\n",
        {"name": "f", "gradient": True, "inputs": [{"arguments": [VECTOR, VECTOR], "times": 2}]},
        {"a + y**2 -> a.add_(y**2)"},  # `a` is the function's own
    ),
    "a kink": (
        "def relu(x):\n    return torch.where(x > 0, x, torch.zeros_like(x))\n",
        {"name": "relu", "gradient": True, "avoid": [0.0], "inputs": [{"uniform": [-2, 2], "shape": [6]}]},
        {"x > 0 -> x >= 0"},  # nothing is drawn at 0
    ),
    "slices": (
        "def diff(x):\n    d = x[1:] - x[:-1]\n    return d.reshape(-1, 2).T\n",
        {"name": "diff", "inputs": [{"normal": [0, 1], "shape": [7]}]},
        set(),
    ),
    "a module": (
        "class Net(nn.Module):\n    def __init__(self, n, m):\n        super().__init__()\n"
        "        self.fc1 = nn.Linear(n, 8)\n        self.drop = nn.Dropout(0.5)\n        self.fc2 = nn.Linear(8, m)\n"
        "    def forward(self, x):\n        h = torch.relu(self.fc1(x))\n"
        "        return self.fc2(self.drop(h)).log_softmax(dim=-1)\n",
        {"name": "Net", "arguments": [4, 3], "inputs": [{"normal": [0, 1], "shape": [5, 4]}]},
        {"-1 -> 1"},  # the same axis of two
    ),
}


@pytest.mark.parametrize(
    ("source", "spec", "equivalent"), [pytest.param(*case, id=name) for name, case in REFERENCES.items()]
)
def test_only_mutants_that_change_nothing_survive(
    source: str, spec: dict[str, Any], equivalent: set[str], play: Callable[..., Any]
) -> None:
    check = (ModuleCheck if "class" in source else FunctionCheck).model_validate(spec)
    cells = tuple(
        Cell(index=place, kind=CellKind.CODE, source=text, cell_id=str(place))
        for place, text in enumerate((HEAD, source))
    )
    mutants = make_mutants(Notebook(cells=cells), cells={Q1: [1]}, answers={Q1: Answer(names=())})
    inputs = check.draw_inputs(1)
    expected = play([source], before=[HEAD]).asked(check, inputs)
    survivors = set()
    for mutant in mutants:
        actual = play([mutant.source], before=[HEAD]).asked(check, inputs)
        if check.evaluate(actual=actual, expected=expected).verdict is Verdict.PASSED:
            survivors.add(f"{mutant.facts['before']} -> {mutant.facts['after']}")

    assert len(mutants) >= 5
    assert survivors == equivalent
