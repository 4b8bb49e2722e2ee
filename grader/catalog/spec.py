"""An assignment's YAML into questions, checks and points; everything wrong with it is gathered on the way."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields

from grader.catalog.checks import KNOWN_KINDS, CheckDraft, give_points, read_check, read_rubric
from grader.catalog.fields import note_unknown, read_mapping, read_points, read_text, read_word, tidy
from grader.catalog.mistakes import MistakeList, Place
from grader.catalog.positions import Field
from grader.domain.assignment import Check, RubricItem, Visibility
from grader.domain.execution import Limits
from grader.domain.ids import QuestionId
from grader.domain.text import Text

_DEVICES = ("cpu", "cuda", "any")
_TOP_FIELDS = ("title", "rubrics", "questions", "points", "limits", "device", "visibility")
_QUESTION_FIELDS = ("title", "prompt", "points", "partial", "visibility", *KNOWN_KINDS)
_QUESTION_ID = re.compile(r"q[1-9][0-9]{0,2}")


@dataclass(frozen=True, kw_only=True)
class QuestionSpec:
    """One question as its author wrote it."""

    question_id: QuestionId
    number: int
    title: Text
    has_prompt: bool
    """False: the reference's Markdown is to stand for it."""
    prompt: Text | None
    prompt_place: Place
    checks: tuple[Check, ...]
    visibility: Visibility
    place: Place


@dataclass(frozen=True, kw_only=True)
class Spec:
    """What could be read of an assignment's YAML: complete only when there were no mistakes."""

    title: Text | None
    questions: tuple[QuestionSpec, ...]
    limits: Limits
    device: str


def read_spec(root: Field, *, mistakes: MistakeList) -> Spec:
    """Read the whole file; what cannot be read is left out and noted."""
    read_mapping(root, known=_TOP_FIELDS, mistakes=mistakes)
    entries = root.entries
    title = read_text(entries["title"], mistakes=mistakes) if "title" in entries else None
    if "title" not in entries:
        mistakes.add("field_missing", at=root.place, name="title")
    visibility = _read_visibility(root, default=Visibility.HINT, mistakes=mistakes)
    rubrics = _read_rubrics(entries.get("rubrics"), mistakes=mistakes)
    before = mistakes.count
    questions = _read_questions(root, visibility=visibility, rubrics=rubrics, mistakes=mistakes)
    if "points" in entries:
        declared = read_points(entries["points"], mistakes=mistakes)
        total = tidy(sum(check.points for question in questions for check in question.checks))
        # While a question is at fault the sum is bound to differ, and saying so would mislead.
        if declared is not None and declared != total and mistakes.count == before:
            mistakes.add("points_sum", at=entries["points"].place, declared=declared, total=total)
    device = "cpu"
    if "device" in entries:
        device = read_word(entries["device"], words=_DEVICES, mistakes=mistakes) or device
    limits = _read_limits(entries["limits"], mistakes=mistakes) if "limits" in entries else Limits()
    return Spec(title=title, questions=questions, limits=limits, device=device)


def _read_visibility(field: Field, *, default: Visibility, mistakes: MistakeList) -> Visibility:
    entry = field.entries.get("visibility")
    if entry is None:
        return default
    return read_word(entry, words=tuple(Visibility), mistakes=mistakes) or default


def _read_rubrics(field: Field | None, *, mistakes: MistakeList) -> Mapping[str, tuple[RubricItem, ...] | None]:
    if field is None:
        return {}
    if not field.is_mapping:
        mistakes.add("not_a_mapping", at=field.place)
    return {name: read_rubric(entry, mistakes=mistakes) for name, entry in field.entries.items()}


def _read_questions(
    root: Field,
    *,
    visibility: Visibility,
    rubrics: Mapping[str, tuple[RubricItem, ...] | None],
    mistakes: MistakeList,
) -> tuple[QuestionSpec, ...]:
    field = root.entries.get("questions")
    if field is None:
        mistakes.add("field_missing", at=root.place, name="questions")
        return ()
    if not field.is_mapping:
        mistakes.add("not_a_mapping", at=field.place)
        return ()
    if not field.entries:
        mistakes.add("empty", at=field.place)
    questions = []
    for number, (name, entry) in enumerate(field.entries.items(), start=1):
        if not _QUESTION_ID.fullmatch(name):
            mistakes.add("question_id", at=entry.place, name=name, expected=f"q{number}")
        elif name != f"q{number}":
            mistakes.add("question_order", at=entry.place, name=name, expected=f"q{number}")
        question = _read_question(
            entry, name=name, number=number, visibility=visibility, rubrics=rubrics, mistakes=mistakes
        )
        if question is not None:
            questions.append(question)
    return tuple(questions)


def _read_question(
    field: Field,
    *,
    name: str,
    number: int,
    visibility: Visibility,
    rubrics: Mapping[str, tuple[RubricItem, ...] | None],
    mistakes: MistakeList,
) -> QuestionSpec | None:
    if not read_mapping(field, known=_QUESTION_FIELDS, mistakes=mistakes):
        return None
    entries = field.entries
    title: Text | None = Text(f"問題{number}", f"Question {number}")
    if "title" in entries:
        title = read_text(entries["title"], mistakes=mistakes)
    prompt = read_text(entries["prompt"], mistakes=mistakes) if "prompt" in entries else None
    drafts = [
        read_check(entry, kind=kind, rubrics=rubrics, mistakes=mistakes)
        for kind, entry in entries.items()
        if kind in KNOWN_KINDS
    ]
    checks = _checks_of(field, drafts=drafts, mistakes=mistakes)
    return QuestionSpec(
        question_id=QuestionId(name),
        number=number,
        title=title or Text("", ""),
        has_prompt="prompt" in entries,
        prompt=prompt,
        prompt_place=entries["prompt"].place if "prompt" in entries else field.place,
        checks=checks,
        visibility=_read_visibility(field, default=visibility, mistakes=mistakes),
        place=field.place,
    )


def _checks_of(field: Field, *, drafts: list[CheckDraft], mistakes: MistakeList) -> tuple[Check, ...]:
    if not drafts:
        mistakes.add("question_without_check", at=field.place, known=", ".join(KNOWN_KINDS))
        return ()
    return give_points(drafts, question=field, mistakes=mistakes)


def _read_limits(field: Field, *, mistakes: MistakeList) -> Limits:
    known = tuple(limit.name for limit in fields(Limits))
    if not field.is_mapping:
        mistakes.add("not_a_mapping", at=field.place)
        return Limits()
    whole = {limit.name for limit in fields(Limits) if limit.type is int}
    values: dict[str, float] = {}
    for name, entry in field.entries.items():
        plain = entry.plain
        if name not in known:
            note_unknown("limit_unknown", name=name, known=known, at=entry.place, mistakes=mistakes)
        elif isinstance(plain, bool) or not isinstance(plain, (int, float)):
            mistakes.add("not_a_number", at=entry.place)
        elif name in whole and not isinstance(plain, int):
            mistakes.add("not_a_whole_number", at=entry.place)
        elif not 0 < plain < float("inf"):
            mistakes.add("limit_not_positive", at=entry.place)
        else:
            values[name] = plain if name in whole else float(plain)
    limits = Limits(**values)  # type: ignore[arg-type]  # whole numbers were told apart above
    if "total_s" in values and "question_s" in values and limits.question_s > limits.total_s:
        place = field.entries["question_s"].place
        mistakes.add("limit_above_total", at=place, question_s=limits.question_s, total_s=limits.total_s)
    return limits
