"""One question's checks: their settings by kind, and how the question's points fall on them."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from grader.catalog.fields import note_unknown, read_languages, read_mapping, read_points, read_text, tidy
from grader.catalog.form import ITEM_ID, RUBRIC_ITEM_FIELDS, WRITTEN_FIELDS
from grader.catalog.kinds import read_logic
from grader.catalog.mistakes import MistakeList
from grader.catalog.positions import Field
from grader.domain.assignment import Check, CheckLogic, RubricItem
from grader.domain.ids import CheckId
from grader.domain.result import Points
from grader.domain.text import Text
from grader.domain.values import ArrayValue
from grader.grading.checks import KINDS

WRITTEN = "written"
KNOWN_KINDS = tuple(KINDS)
SHARE = "share"
SHARED_RUNG = "values"
"""Where points may go by the share of right elements."""
MAX_CHECKS_OF_A_KIND = 50
Rubric = tuple[RubricItem, ...]


@dataclass(frozen=True, kw_only=True)
class CheckDraft:
    """A check as written in the file, before the question's points are shared out."""

    kind: str
    check_id: CheckId
    field: Field
    logic: CheckLogic | None
    """None: its settings are at fault, and that was noted."""
    has_points: bool
    points: Points | None
    """Its own points; None where it has none or they could not be read."""
    rubric: Rubric = ()
    model_answer: Text | None = None

    @property
    def partial(self) -> Field | None:
        return None if self.kind == WRITTEN else self.field.entries.get("partial")


@dataclass(frozen=True, kw_only=True)
class Sources:
    """What stands elsewhere in the assignment and checks may name."""

    rubrics: Mapping[str, Rubric | None]
    """None: at fault, which was noted."""
    arrays: Mapping[str, ArrayValue]
    """Of hidden files, as 'hidden/test.npz:x'."""


def read_checks(field: Field, *, kind: str, sources: Sources, mistakes: MistakeList) -> list[CheckDraft]:
    """Read one `kind: settings` of a question; a list of settings makes several checks of that kind."""
    entries: tuple[Field, ...] = (field,)
    if field.is_sequence and not (kind == WRITTEN and _is_rubric(field)):
        entries = field.items
        if not entries:
            mistakes.add("empty", at=field.place)
        if len(entries) > MAX_CHECKS_OF_A_KIND:
            mistakes.add("too_long", at=field.place, limit=MAX_CHECKS_OF_A_KIND)
            entries = ()
    return [
        _read_check(
            entry,
            kind=kind,
            check_id=CheckId(kind if number == 1 else f"{kind}-{number}"),
            sources=sources,
            mistakes=mistakes,
        )
        for number, entry in enumerate(entries, start=1)
    ]


def _is_rubric(field: Field) -> bool:
    """Whether a list under `written` holds a rubric's items, not the settings of several checks."""
    return not field.items or any(item.is_mapping and "rubric" not in item.entries for item in field.items)


def _read_check(field: Field, *, kind: str, check_id: CheckId, sources: Sources, mistakes: MistakeList) -> CheckDraft:
    if kind == WRITTEN:
        return _read_written(field, check_id=check_id, rubrics=sources.rubrics, mistakes=mistakes)
    entry = field.entries.get("points")
    return CheckDraft(
        kind=kind,
        check_id=check_id,
        field=field,
        logic=read_logic(field, kind=kind, arrays=sources.arrays, mistakes=mistakes),
        has_points=entry is not None,
        points=None if entry is None else read_points(entry, mistakes=mistakes),
    )


def _read_written(
    field: Field, *, check_id: CheckId, rubrics: Mapping[str, Rubric | None], mistakes: MistakeList
) -> CheckDraft:
    """`written: name`, `written: [items]` or `written: {rubric: name or items, points: sum, model_answer: text}`."""
    rubric_field: Field | None = field
    if field.is_mapping:
        read_mapping(field, known=WRITTEN_FIELDS, mistakes=mistakes)
        rubric_field = field.entries.get("rubric")
    rubric: Rubric | None = None
    if rubric_field is None:
        mistakes.add("field_missing", at=field.place, name="rubric")
    elif rubric_field.is_sequence:
        rubric = read_rubric(rubric_field, mistakes=mistakes)
    else:
        rubric = _named_rubric(rubric_field, rubrics=rubrics, mistakes=mistakes)
    points = None if rubric is None else tidy(sum(item.points for item in rubric))
    if "points" in field.entries:
        declared = read_points(field.entries["points"], mistakes=mistakes)
        if declared is not None and points is not None and declared != points:
            mistakes.add("points_sum", at=field.entries["points"].place, declared=declared, total=points)
    answer = field.entries.get("model_answer")
    return CheckDraft(
        kind=WRITTEN,
        check_id=check_id,
        field=field,
        logic=KINDS[WRITTEN].model_validate({}),
        has_points=True,
        points=points,
        rubric=rubric or (),
        model_answer=None if answer is None else read_text(answer, mistakes=mistakes),
    )


def _named_rubric(field: Field, *, rubrics: Mapping[str, Rubric | None], mistakes: MistakeList) -> Rubric | None:
    name = field.node.text
    if not name or not isinstance(field.plain, str):
        mistakes.add("rubric_expected", at=field.place)
        return None
    if not rubrics:
        mistakes.add("rubric_undefined", at=field.place, name=name)
        return None
    if name not in rubrics:
        note_unknown("rubric_unknown", name=name, known=tuple(rubrics), at=field.place, mistakes=mistakes)
        return None
    return rubrics[name]


def read_rubric(field: Field, *, mistakes: MistakeList) -> Rubric | None:
    """A list of `{points, ja, en}` or `{points, text}`, each maybe with `id`; None when any of it is at fault."""
    if not field.is_sequence:
        mistakes.add("not_a_list", at=field.place)
        return None
    if not field.items:
        mistakes.add("empty", at=field.place)
        return None
    items = [_read_item(item, place=place, mistakes=mistakes) for place, item in enumerate(field.items, start=1)]
    keys: set[str] = set()
    for item, entry in zip(items, field.items, strict=True):
        if item is not None and item.key in keys:
            mistakes.add("rubric_id_twice", at=entry.entries["id"].place, id=item.key)
        elif item is not None:
            keys.add(item.key)
    return tuple(item for item in items if item is not None) if len(keys) == len(items) else None


def _read_item(field: Field, *, place: int, mistakes: MistakeList) -> RubricItem | None:
    if not read_mapping(field, known=RUBRIC_ITEM_FIELDS, mistakes=mistakes):
        return None
    entries = field.entries
    points: Points | None = None
    if "points" in entries:
        points = read_points(entries["points"], mistakes=mistakes)
    else:
        mistakes.add("field_missing", at=field.place, name="points")
    text: Text | None
    if "text" in entries:
        text = read_text(entries["text"], mistakes=mistakes)
        for language in ("ja", "en"):
            if language in entries:
                mistakes.add("text_twice", at=entries[language].place)
    else:
        text = read_languages(field, mistakes=mistakes)
    key: str | None = str(place) if "id" not in entries else _read_item_id(entries["id"], mistakes=mistakes)
    return None if points is None or text is None or key is None else RubricItem(key=key, points=points, text=text)


def _read_item_id(field: Field, *, mistakes: MistakeList) -> str | None:
    if isinstance(field.plain, str) and re.fullmatch(ITEM_ID, field.plain):
        return field.plain
    mistakes.add("rubric_id", at=field.place)
    return None


def give_points(drafts: Sequence[CheckDraft], *, question: Field, mistakes: MistakeList) -> tuple[Check, ...]:
    """Make the question's checks.

    Checks without points of their own share the question's: the first carries them, and all must pass. Checks whose
    settings are at fault are left out; their mistakes have been noted.
    """
    shared = _shared_points(drafts, question=question, mistakes=mistakes)
    sharing = [draft for draft in drafts if not draft.has_points]
    partial_of_question = _partial_of_question(drafts, question=question, mistakes=mistakes)
    checks = []
    total: Points | None = 0
    for draft in drafts:
        points = draft.points if draft.has_points else shared if draft is sharing[0] else 0
        total = None if total is None or points is None else total + points
        partial = draft.partial or (partial_of_question if draft.kind != WRITTEN else None)
        rungs = _read_partial(partial, draft=draft, points=points, mistakes=mistakes) if partial else {}
        if partial is not None and draft in sharing and len(sharing) > 1:
            mistakes.add("partial_shared", at=partial.place, kind=draft.kind)
        if draft.logic is not None:
            checks.append(
                Check(
                    check_id=draft.check_id,
                    logic=draft.logic,
                    points=points or 0,
                    shares_points=not draft.has_points and len(sharing) > 1,
                    partial=rungs,
                    rubric=draft.rubric,
                    model_answer=draft.model_answer,
                )
            )
    if total == 0:
        mistakes.add("question_worth_nothing", at=question.entries.get("points", question).place)
    return tuple(checks)


def _shared_points(drafts: Sequence[CheckDraft], *, question: Field, mistakes: MistakeList) -> Points | None:
    field = question.entries.get("points")
    is_needed = any(not draft.has_points for draft in drafts)
    if field is None:
        if is_needed:
            mistakes.add("field_missing", at=question.place, name="points")
        return None
    points = read_points(field, mistakes=mistakes)
    if not is_needed:
        mistakes.add("points_unused", at=field.place)
    return points


def _partial_of_question(drafts: Sequence[CheckDraft], *, question: Field, mistakes: MistakeList) -> Field | None:
    field = question.entries.get("partial")
    if field is None:
        return None
    automatic = [draft for draft in drafts if draft.kind != WRITTEN]
    if len(automatic) != 1:
        mistakes.add("partial_of_which_check", at=field.place, kinds=", ".join(draft.kind for draft in automatic))
        return None
    if automatic[0].partial is not None:
        mistakes.add("partial_twice", at=field.place, kind=automatic[0].kind)
        return None
    return field


def _read_partial(
    field: Field, *, draft: CheckDraft, points: Points | None, mistakes: MistakeList
) -> Mapping[str, Points | Literal["share"]]:
    if not field.is_mapping:
        mistakes.add("not_a_mapping", at=field.place)
        return {}
    known: tuple[str, ...] = KINDS[draft.kind].RUNGS
    rungs: dict[str, Points | Literal["share"]] = {}
    for name, entry in field.entries.items():
        if name == SHARED_RUNG and name in known and entry.plain == SHARE:
            rungs[name] = "share"
            continue
        rung_points = read_points(entry, mistakes=mistakes)
        if not known:
            mistakes.add("partial_unsupported", at=entry.place, kind=draft.kind)
        elif name not in known:
            note_unknown("rung_unknown", name=name, known=known, at=entry.place, mistakes=mistakes)
        elif rung_points is not None and points is not None and rung_points > points:
            mistakes.add("partial_above_points", at=entry.place, partial=rung_points, points=points)
        elif rung_points is not None:
            rungs[name] = rung_points
    return rungs
