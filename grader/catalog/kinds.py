"""One check's settings through its kind's own model, and what pydantic finds wrong there as mistakes with a line."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import cast, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from grader.catalog.fields import note_unknown, read_text
from grader.catalog.mistakes import MistakeList
from grader.catalog.positions import Field
from grader.domain.assignment import CheckLogic
from grader.domain.text import Language
from grader.domain.values import ArrayValue
from grader.feedback.catalogue import known_codes
from grader.grading.checks import KINDS
from grader.grading.checks.settings import HIDDEN

TAKEN_OFF = ("points", "partial")
"""Fields of a check that are the question's business; its kind never sees them."""

_CODES: Mapping[str, str] = {
    "missing": "field_missing",
    "string_type": "not_text",
    "string_sub_type": "not_text",
    "bool_type": "not_true_or_false",
    "bool_parsing": "not_true_or_false",
    "int_type": "not_a_whole_number",
    "int_parsing": "not_a_whole_number",
    "int_from_float": "not_a_whole_number",
    "float_type": "not_a_number",
    "float_parsing": "not_a_number",
    "finite_number": "not_a_number",
    "list_type": "not_a_list",
    "tuple_type": "not_a_list",
    "set_type": "not_a_list",
    "frozen_set_type": "not_a_list",
    "dict_type": "not_a_mapping",
    "mapping_type": "not_a_mapping",
    "model_type": "not_a_mapping",
    "model_attributes_type": "not_a_mapping",
    "dataclass_type": "not_a_mapping",
    "too_short": "empty",
    "string_too_short": "empty",
    "too_long": "too_long",
    "string_too_long": "too_long",
    "string_pattern_mismatch": "not_a_name",
}
_OF_THE_KINDS: Mapping[str, tuple[str, ...]] = {
    "one_tolerance": (),
    "two_tolerances": ("tolerance",),
    "bad_pattern": ("pattern",),
    "where_unknown": ("where",),
    "empty_range": ("uniform",),
}
"""Findings of the kinds' own validators have the same names here: the way to the field that some of them are about."""
_BOUNDS = {"greater_than": ">", "greater_than_equal": "≥", "less_than": "<", "less_than_equal": "≤"}


@dataclass(frozen=True, kw_only=True)
class _Problem:
    """One finding of pydantic's, with the field of the file it is about."""

    details: ErrorDetails
    field: Field
    """The deepest field on the way to it that stands in the file."""
    rest: tuple[int | str, ...]
    """Parts of pydantic's way that stand in no file: names of a union's alternatives, fields a short form implies."""


def read_logic(
    field: Field, *, kind: str, arrays: Mapping[str, ArrayValue], mistakes: MistakeList
) -> CheckLogic | None:
    """Validate a check's settings, in their short or long form; None where that fails."""
    model = KINDS[kind]
    plain = field.plain
    if plain is None:
        plain = {}
    if isinstance(plain, dict):
        plain = {name: value for name, value in plain.items() if name not in TAKEN_OFF}
        texts = [name for name, info in model.model_fields.items() if info.exclude and name in field.entries]
        for name in texts:
            text = read_text(field.entries[name], mistakes=mistakes)
            plain[name] = None if text is None else {"ja": text.ja, "en": text.en}
    try:
        return cast(CheckLogic, model.model_validate(plain, context={HIDDEN: arrays}))
    except ValidationError as error:
        problems = [_place(details, field=field) for details in error.errors(include_url=False, include_input=False)]
        for problem in _most_telling(problems):
            if _fits_no_form(problem, among=problems):
                mistakes.add("form_unknown", at=problem.field.place)
            else:
                _note(problem, model=model, mistakes=mistakes)
        return None


def _place(details: ErrorDetails, *, field: Field) -> _Problem:
    rest: list[int | str] = []
    for part in details["loc"]:
        below = field.items[part : part + 1] if isinstance(part, int) else (field.entries.get(part),)
        if below and below[0] is not None:
            field, rest = below[0], []
        else:
            rest.append(part)
    if details["type"] == "missing" and rest:
        rest.pop()  # the missing field itself
    return _Problem(details=details, field=field, rest=tuple(rest))


def _most_telling(problems: Sequence[_Problem]) -> Iterator[_Problem]:
    """Of a union's alternatives only the one that got furthest: pydantic reports what is wrong with each of them.

    It also calls a list too short from which it has left out the items that are at fault.
    """
    for problem in problems:
        path = problem.field.place.path
        deeper = [other for other in problems if len(other.field.place.path) > len(path)]
        follows = problem.rest or problem.details["type"] == "too_short"
        if follows and any(other.field.place.path[: len(path)] == path for other in deeper):
            continue
        yield problem


def _fits_no_form(problem: _Problem, *, among: Sequence[_Problem]) -> bool:
    """Whether several alternatives fail at this very field: which of them was meant cannot be told."""
    path = problem.field.place.path
    rivals = {other.rest[0] for other in among if other.rest and other.field.place.path == path}
    return bool(problem.rest) and len(rivals) > 1


def _note(problem: _Problem, *, model: type[BaseModel], mistakes: MistakeList) -> None:
    details, place = problem.details, problem.field.place
    kind, facts = details["type"], details.get("ctx", {})
    if kind == "extra_forbidden":
        known = _known_fields(model, details["loc"][:-1])
        note_unknown("field_unknown", name=str(details["loc"][-1]), known=known, at=place, mistakes=mistakes)
    elif kind == "missing":
        mistakes.add("field_missing", at=place, name=str(details["loc"][-1]))
    elif kind in ("literal_error", "enum"):
        mistakes.add("word_unknown", at=place, known=str(facts.get("expected", "")).replace(" or ", ", "))
    elif kind in _BOUNDS:
        mistakes.add("out_of_range", at=place, relation=_BOUNDS[kind], bound=next(iter(facts.values()), None))
    elif _CODES.get(kind) == "too_long":
        mistakes.add("too_long", at=place, limit=int(facts.get("max_length", 0)))
    elif kind in _CODES:
        mistakes.add(_CODES[kind], at=place)
    elif f"catalog.{kind}" in known_codes(Language.EN):
        way = (*_OF_THE_KINDS.get(kind, ()), str(facts.get("name", "")))
        mistakes.add(kind, at=_go(problem.field, way).place, **{name: str(fact) for name, fact in facts.items()})
    else:
        mistakes.add("setting_refused", at=place, problem=str(facts.get("error", details["msg"])))


def _go(field: Field, way: Sequence[str]) -> Field:
    """As far down the way as the file goes: a short form has none of these fields."""
    for part in way:
        field = field.entries.get(part, field)
    return field


def _known_fields(model: type[BaseModel], way: tuple[int | str, ...]) -> tuple[str, ...]:
    """The fields that pydantic accepts at the end of a way into a model; for a check itself also points and partial."""
    models = [model]
    for part in way:
        inner = [found for one in models if part in one.model_fields for found in _models_in(one, str(part))]
        models = inner or models  # indexes and names of alternatives lead to no other model
    known = [info.alias or name for one in models for name, info in one.model_fields.items()]
    return tuple(dict.fromkeys([*known, *(TAKEN_OFF if model in models else ())]))


def _models_in(model: type[BaseModel], name: str) -> Iterator[type[BaseModel]]:
    waiting: list[object] = [model.model_fields[name].annotation]
    while waiting:
        annotation = waiting.pop()
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            yield annotation
        else:
            waiting.extend(get_args(annotation))
