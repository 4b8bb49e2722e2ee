"""An assignment's YAML into questions, checks and points; everything wrong with it is gathered on the way."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields

from grader.catalog.checks import KNOWN_KINDS, CheckDraft, Sources, give_points, read_checks, read_rubric
from grader.catalog.fields import (
    note_unknown,
    read_list,
    read_mapping,
    read_points,
    read_text,
    read_truth,
    read_word,
    read_words,
    tidy,
)
from grader.catalog.form import QUESTION_FIELDS, TOP_FIELDS
from grader.catalog.mistakes import MistakeList, Place
from grader.catalog.positions import Field
from grader.domain.assignment import Check, RubricItem, Visibility
from grader.domain.device import Device
from grader.domain.execution import LARGEST_LIMITS, Limits
from grader.domain.ids import QuestionId
from grader.domain.text import Language, Text
from grader.domain.values import ArrayValue

_TOP_FIELDS = TOP_FIELDS
_QUESTION_FIELDS = (*QUESTION_FIELDS, *KNOWN_KINDS)
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
    follow_through: bool
    place: Place
    check_places: Mapping[str, Place] = field(default_factory=dict)
    """Where each check stands, by its id."""


@dataclass(frozen=True, kw_only=True)
class Spec:
    """What could be read of an assignment's YAML: complete only when there were no mistakes."""

    title: Text | None
    questions: tuple[QuestionSpec, ...]
    limits: Limits
    device: Device
    languages: tuple[Language, ...] = tuple(Language)
    notes: Text | None = None
    accepted: Mapping[str, str] = field(default_factory=dict)


def read_spec(root: Field, *, arrays: Mapping[str, ArrayValue], mistakes: MistakeList) -> Spec:
    """Read the whole file; what cannot be read is left out and noted.

    Args:
        root: the file's top.
        arrays: of the hidden files, which checks may name.
        mistakes: takes what is wrong.
    """
    read_mapping(root, known=_TOP_FIELDS, mistakes=mistakes)
    entries = root.entries
    title = read_text(entries["title"], mistakes=mistakes) if "title" in entries else None
    if "title" not in entries:
        mistakes.add("field_missing", at=root.place, name="title")
    visibility = _read_visibility(root, default=Visibility.HINT, mistakes=mistakes)
    rubrics = _read_rubrics(entries.get("rubrics"), mistakes=mistakes)
    sources = Sources(rubrics=rubrics, arrays=arrays)
    before = mistakes.count
    questions = _read_questions(root, visibility=visibility, sources=sources, mistakes=mistakes)
    if "points" in entries:
        declared = read_points(entries["points"], mistakes=mistakes)
        total = tidy(sum(check.points for question in questions for check in question.checks))
        # While a question is at fault the sum is bound to differ, and saying so would mislead.
        if declared is not None and declared != total and mistakes.count == before:
            mistakes.add("points_sum", at=entries["points"].place, declared=declared, total=total)
    device = Device.CPU
    if "device" in entries:
        device = read_word(entries["device"], words=tuple(Device), mistakes=mistakes) or device
    limits = _read_limits(entries["limits"], mistakes=mistakes) if "limits" in entries else Limits()
    _compare_budgets(questions, limits=limits, mistakes=mistakes)
    return Spec(
        title=title,
        questions=questions,
        limits=limits,
        device=device,
        languages=_read_languages(entries.get("languages"), mistakes=mistakes),
        notes=read_text(entries["notes"], mistakes=mistakes) if "notes" in entries else None,
        accepted=_read_accepted(entries.get("accepted"), mistakes=mistakes),
    )


def _read_languages(entry: Field | None, *, mistakes: MistakeList) -> tuple[Language, ...]:
    if entry is None:
        return tuple(Language)
    items = read_list(entry, mistakes=mistakes)
    if entry.is_sequence and not items:
        mistakes.add("empty", at=entry.place)
    found = [read_word(item, words=tuple(Language), mistakes=mistakes) for item in items]
    return tuple(dict.fromkeys(language for language in found if language is not None))


def _read_accepted(entry: Field | None, *, mistakes: MistakeList) -> Mapping[str, str]:
    if entry is None:
        return {}
    if not entry.is_mapping:
        mistakes.add("not_a_mapping", at=entry.place)
    reasons = {name: read_words(reason, mistakes=mistakes) for name, reason in entry.entries.items()}
    return {name: reason for name, reason in reasons.items() if reason is not None}


def _compare_budgets(questions: Sequence[QuestionSpec], *, limits: Limits, mistakes: MistakeList) -> None:
    for question in questions:
        for check in question.checks:
            seconds = check.logic.budget_s
            if seconds is not None and seconds > limits.total_s:
                mistakes.add("limit_above_total", at=question.place, question_s=seconds, total_s=limits.total_s)


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
    sources: Sources,
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
            entry, name=name, number=number, visibility=visibility, sources=sources, mistakes=mistakes
        )
        if question is not None:
            questions.append(question)
    return tuple(questions)


def _read_question(
    entry: Field,
    *,
    name: str,
    number: int,
    visibility: Visibility,
    sources: Sources,
    mistakes: MistakeList,
) -> QuestionSpec | None:
    if not read_mapping(entry, known=_QUESTION_FIELDS, mistakes=mistakes):
        return None
    entries = entry.entries
    title: Text | None = Text(f"問題{number}", f"Question {number}")
    if "title" in entries:
        title = read_text(entries["title"], mistakes=mistakes)
    prompt = read_text(entries["prompt"], mistakes=mistakes) if "prompt" in entries else None
    drafts = [
        draft
        for kind, settings in entries.items()
        if kind in KNOWN_KINDS
        for draft in read_checks(settings, kind=kind, sources=sources, mistakes=mistakes)
    ]
    follows = read_truth(entries["follow_through"], mistakes=mistakes) if "follow_through" in entries else True
    checks = _checks_of(entry, drafts=drafts, mistakes=mistakes)
    return QuestionSpec(
        question_id=QuestionId(name),
        number=number,
        title=title or Text("", ""),
        has_prompt="prompt" in entries,
        prompt=prompt,
        prompt_place=entries["prompt"].place if "prompt" in entries else entry.place,
        checks=checks,
        visibility=_read_visibility(entry, default=visibility, mistakes=mistakes),
        follow_through=follows is not False,
        place=entry.place,
        check_places={draft.check_id: draft.field.place for draft in drafts},
    )


def _checks_of(field: Field, *, drafts: list[CheckDraft], mistakes: MistakeList) -> tuple[Check, ...]:
    if not any(kind in field.entries for kind in KNOWN_KINDS):
        mistakes.add("question_without_check", at=field.place, known=", ".join(KNOWN_KINDS))
    if not drafts:
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
        elif plain > getattr(LARGEST_LIMITS, name):
            mistakes.add("limit_too_large", at=entry.place, most=getattr(LARGEST_LIMITS, name))
        else:
            values[name] = plain if name in whole else float(plain)
    limits = Limits(**values)  # type: ignore[arg-type]  # whole numbers were told apart above
    if "total_s" in values and "question_s" in values and limits.question_s > limits.total_s:
        place = field.entries["question_s"].place
        mistakes.add("limit_above_total", at=place, question_s=limits.question_s, total_s=limits.total_s)
    return limits
