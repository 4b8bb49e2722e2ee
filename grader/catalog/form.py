"""The fields of an assignment's file as they may be written: what the reader knows and what editors are told.

Nothing is validated by these models. The reader tells mistakes with file, line and field; here stand the names, the
types and, as docstrings, what an editor shows beside each field.
"""

from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from grader.catalog.fields import MAX_POINTS
from grader.domain.assignment import Visibility
from grader.domain.device import Device
from grader.domain.execution import Limits
from grader.domain.text import Language

Words: TypeAlias = Annotated[str, Field(min_length=1)] | float
ITEM_ID = "^[a-z][a-z0-9-]{0,31}$"
"""Never a number: those are the keys of items without an id."""
PointsForm: TypeAlias = Annotated[float, Field(ge=0, le=MAX_POINTS)]


class Form(BaseModel):
    """A mapping of the file."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


class LanguagesForm(Form):
    """A text by language; a missing one falls back to the other."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})

    ja: Words = ""
    en: Words = ""


TextForm: TypeAlias = Words | LanguagesForm


class RubricItemForm(Form):
    """One thing a TA looks for in a written answer: its points, and its words as `ja` and `en` or as `text`."""

    points: PointsForm
    ja: Words = ""
    en: Words = ""
    text: TextForm = ""
    id: Annotated[str, Field(pattern=ITEM_ID)] = ""
    """What the item stays the same by when items are moved; without it, its place in the list."""


RubricForm: TypeAlias = Annotated[list[RubricItemForm], Field(min_length=1)]


class WrittenForm(Form):
    """A written answer, read by a TA."""

    rubric: Annotated[str, Field(min_length=1)] | RubricForm
    """The name of one of `rubrics`, or a list of items."""
    points: PointsForm = 0
    """What the items must add up to; only a safeguard against slips."""
    model_answer: TextForm = ""
    """Markdown that TAs read beside an answer; without it the reference's Markdown below the question's code."""


class QuestionForm(Form):
    """One question; its checks stand beside these fields, under the names of their kinds."""

    title: TextForm = ""
    """The question's heading; without it 問題1 / Question 1."""
    prompt: TextForm = ""
    """What is asked, in Markdown. `{{print(t)}}` stands for what the reference shows there."""
    points: PointsForm = 0
    """Of the question's checks that have no points of their own; all of them must pass."""
    partial: dict[str, PointsForm | Literal["share"]] = Field(default_factory=dict)
    """Points for an answer that is right but for one thing."""
    visibility: Visibility = Visibility.HINT
    """How much of a difference students read."""
    follow_through: bool = True
    """Whether a failed answer is tried again with right values for what earlier failed answers left."""


class AssignmentForm(Form):
    """An assignment of the grader: what is asked, and how it is checked."""

    title: TextForm
    """What students read above it."""
    languages: Annotated[list[Language], Field(min_length=1)] = Field(default_factory=lambda: list(Language))
    """The languages it is to have; a text that lacks one of them is listed by `grader assignment check`."""
    notes: TextForm = ""
    """For other authors: where the course material is wrong or unclear, and why this differs. Not for students."""
    points: PointsForm = 0
    """What all points must add up to; only a safeguard against slips."""
    rubrics: dict[str, RubricForm] = Field(default_factory=dict)
    """Rubrics by name, for `written`."""
    questions: dict[str, QuestionForm]
    """q1, q2, ... in this order."""
    data: list[str] = Field(default_factory=list)
    """Files beside this one that students get and that lie beside the notebook when it runs."""
    hidden: list[str] = Field(default_factory=list)
    """Files (.npz) beside this one that only checks use, as `hidden/test.npz:x`."""
    accepted: dict[str, Words] = Field(default_factory=dict)
    """Survivors of the self-test that may stay, each with the reason."""
    limits: Limits = Limits()
    """Time and memory that one notebook may use."""
    device: Device = Device.CPU
    """What notebooks run on: `cuda` waits for a GPU, `any` runs on what there is."""
    visibility: Visibility = Visibility.HINT
    """How much of a difference students read, where a question says nothing else."""


TOP_FIELDS = tuple(AssignmentForm.model_fields)
QUESTION_FIELDS = tuple(QuestionForm.model_fields)
WRITTEN_FIELDS = tuple(WrittenForm.model_fields)
RUBRIC_ITEM_FIELDS = tuple(RubricItemForm.model_fields)
