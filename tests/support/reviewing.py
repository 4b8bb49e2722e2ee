"""A school with answers to review: words with a rubric under question 2, and notebooks that can be read on a page."""

import json
from dataclasses import dataclass, field, replace
from datetime import timedelta

from doubles import NOON, FakeRunner
from school import NameLogic, School, TinyLoaded, notebook_bytes

from grader.domain.assignment import RubricItem
from grader.domain.ids import CheckId, QuestionId, SubmissionId
from grader.domain.people import Role
from grader.domain.result import Finding, Verdict
from grader.domain.review import Need
from grader.domain.text import Note, Text
from grader.flow import people
from grader.flow.review import Judgement, decide_points
from grader.flow.review_desk import DeskQuery, read_desk
from grader.flow.review_items import Part

WORDS = Part(QuestionId("q2"), Need.WRITTEN, CheckId("words"))
FIRST = QuestionId("q1")
RUBRIC = (
    RubricItem(key="reason", points=3, text=Text(ja="理由がある", en="Gives a reason")),
    RubricItem(key="unit", points=2, text=Text(ja="単位がある", en="Names the unit")),
)
MODEL_ANSWER = Text(ja="模範解答：$2 \\times 2$ だから。", en="Model answer: because $2 \\times 2$.")


@dataclass(frozen=True, kw_only=True)
class ToldLogic(NameLogic):
    """Tells everybody who is wrong the same, in a sentence that the catalogues have."""

    wrong: Verdict = Verdict.FAILED
    told: Note | None = None
    """What everybody is told; by default that the name is missing."""

    def evaluate(self, *, actual, expected):
        found = super().evaluate(actual=actual, expected=expected)
        if found.verdict in (Verdict.PASSED, Verdict.NEEDS_REVIEW, Verdict.NOT_FOUND):
            return found
        told = self.told or Note(code="value.missing_name", facts={"name": self.name})
        return Finding(verdict=self.wrong, code=told.code, facts=told.facts)


@dataclass(frozen=True, kw_only=True)
class ReviewedLoaded(TinyLoaded):
    """'tiny' with a rubric and a model answer for its words."""

    first: NameLogic = field(default_factory=lambda: ToldLogic(name="x"))
    rubric: tuple[RubricItem, ...] = RUBRIC

    @property
    def assignment(self):
        plain = TinyLoaded.assignment.fget(self)
        one, two = plain.questions
        value, words = two.checks
        two = replace(two, checks=(value, replace(words, model_answer=MODEL_ANSWER)))
        return replace(plain, questions=(one, two))


class ReadableRunner(FakeRunner):
    """Leaves a notebook behind in which the cells stand that it was given."""

    def run(self, notebook, **options):
        execution = super().run(notebook, **options)
        cells = [
            {"cell_type": cell.kind.value, "source": cell.source, "metadata": {}, "outputs": []}
            for cell in notebook.cells
        ]
        document = {"cells": cells, "nbformat": 4, "nbformat_minor": 5, "metadata": {}}
        return replace(execution, executed_notebook=json.dumps(document).encode())


def open_review_school(folder, *, students=("cam",), template=None):
    """'demo' with more students, 'tiny' due an hour ago and nothing handed in."""
    school = School.open(folder, template=template)
    school.loaded = ReviewedLoaded()
    if template is None:
        for login in students:
            people.add_member(
                people.NewMember(login=login, name=login, role=Role.STUDENT), course="demo", stores=school.stores
            )
        school.offer(due_at=NOON - timedelta(hours=1))
        school.work_off()
    return school


def hand_in(school, login, words, *, x=3, y=4):
    """Hand in and grade, a second after what came before; gives the submission's id."""
    school.clock.pass_s(1)
    submission_id = school.submit(login, notebook_bytes(x=x, y=y, words=words)).submission.submission_id
    school.work_off(school.bench(runner=ReadableRunner()))
    return submission_id


def desk_of(school, *, by="tom", part=WORDS, **query):
    """What lies before a reviewer."""
    if isinstance(query.get("submission_id"), str):
        query["submission_id"] = SubmissionId(query["submission_id"])
    place = DeskQuery(course="demo", assignment="tiny", part=part, **query)
    return read_desk(place, caller=school.caller(by), stores=school.stores, assignments=school.assignments)


def give(school, submission_id, *, by="tom", seen=None, points=None, items=None, comment=""):
    """Give points for the words."""
    judgement = Judgement(
        submission_id=submission_id,
        question_id=WORDS.question_id,
        points=points,
        items=items,
        comment=comment,
        seen=seen,
    )
    return decide_points(
        judgement,
        caller=school.caller(by),
        stores=school.stores,
        assignments=school.assignments,
        check_id=WORDS.check_id,
    )
