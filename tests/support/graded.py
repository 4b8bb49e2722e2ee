"""An assignment whose verdicts have their real sentences, and a runner that writes down what cells put out."""

import json
from dataclasses import dataclass, field, replace

import numpy as np
from doubles import FakeRunner
from school import NameLogic, TinyLoaded, WrittenLogic, notebook_bytes, read_tiny

from grader.domain.assignment import Assignment, Check, Question, Visibility
from grader.domain.ids import CheckId, QuestionId
from grader.domain.location import Wanted
from grader.domain.result import Finding, Verdict
from grader.domain.text import Text
from grader.flow import accounts
from grader.grading.arrays import array_value
from grader.grading.checks.value import ValueCheck
from grader.grading.compare import Tolerance
from grader.grading.difference import find_difference

PASSWORD = "correct horse battery"
RIGHT = {"x": 3, "y": 4, "m": "1 2|3 4"}
WRONG = {"x": 5, "y": 4, "m": "1 2|3 0"}


@dataclass(frozen=True, kw_only=True)
class MatrixLogic(NameLogic):
    """Compares rows written as `1 2|3 4`, as the tensor that they would be."""

    def evaluate(self, *, actual, expected):
        ours, theirs = (side.replies["names"].values.get(self.name) for side in (actual, expected))
        if ours is None:
            return Finding(verdict=Verdict.MISSING, code="value.missing_name", facts={"name": self.name})
        rows = [[[int(cell) for cell in row.split()] for row in each.value.split("|")] for each in (ours, theirs)]
        arrays = [array_value(np.array(each), type_name="Tensor") for each in rows]
        found = find_difference(actual=arrays[0], expected=arrays[1], tolerance=Tolerance())
        if found is None:
            return Finding(verdict=Verdict.PASSED, code="value.passed", facts={"name": self.name})
        return Finding(verdict=Verdict.FAILED, code=f"value.{found.code}", facts={"name": self.name, **found.facts})


class Words(WrittenLogic):
    def evaluate(self, *, actual, expected):
        return Finding(verdict=Verdict.NEEDS_REVIEW, code="written.waiting", facts={"characters": 11})


@dataclass(frozen=True, kw_only=True)
class Graded(TinyLoaded):
    """`x = 3` for 10 points, `y = 4` for 5 with 5 more for words, and a small matrix for 6."""

    visibility: Visibility = Visibility.HINT

    @property
    def assignment(self):
        questions = (
            self._question(1, _check("value", ValueCheck(name="x"), points=10)),
            self._question(2, _check("value", ValueCheck(name="y"), points=5), _check("words", Words(), points=5)),
            self._question(3, _check("value", MatrixLogic(name="m"), points=6)),
        )
        title = Text(ja="小さな課題", en="Tiny")
        return Assignment(slug=self.slug, title=title, version=self.version, questions=questions)

    def _question(self, number, *checks):
        text = Text(ja=f"{number}番目", en=f"Number {number}")
        return Question(
            question_id=QuestionId(f"q{number}"),
            number=number,
            title=text,
            prompt=text,
            checks=checks,
            visibility=self.visibility,
        )

    @property
    def reference(self):
        return read_tiny(notebook_bytes(**RIGHT))

    @property
    def wanted(self):
        return tuple(
            Wanted(question_id=QuestionId(f"q{number}"), number=number, names=(name,))
            for number, name in enumerate(RIGHT, start=1)
        )


def _check(check_id, logic, *, points):
    return Check(check_id=CheckId(check_id), logic=logic, points=points)


@dataclass
class Scribe(FakeRunner):
    """Gives the notebook that it ran, each cell with the outputs that it was told."""

    outputs: dict = field(default_factory=dict)
    """By cell index."""

    def __post_init__(self):
        super().__init__()

    def run(self, notebook, **more):
        execution = super().run(notebook, **more)
        cells = [
            {"cell_type": cell.kind.value, "source": cell.source, "outputs": self.outputs.get(cell.index, [])}
            for cell in notebook.cells
        ]
        return replace(execution, executed_notebook=json.dumps({"cells": cells}).encode())


def enter(school, login):
    """Signs somebody in; the secret of the session."""
    link = accounts.invite(login, stores=school.stores)
    return accounts.accept_invitation(link.secret, PASSWORD, stores=school.stores).secret
