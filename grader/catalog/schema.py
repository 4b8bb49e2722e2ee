"""A JSON Schema of assignment.yaml for editors, made from the models that read the file."""

from collections.abc import Iterator
from typing import Any, TypeAlias

from pydantic import BaseModel, ValidationError
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue, models_json_schema
from pydantic_core import core_schema

from grader.catalog.checks import SHARE, SHARED_RUNG, WRITTEN
from grader.catalog.form import AssignmentForm, WrittenForm
from grader.domain.execution import LARGEST_LIMITS
from grader.grading.checks import KINDS

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_QUESTION_KEY = "^q[1-9][0-9]{0,2}$"
_BARE_SETTINGS = ("reference", "integer", "t", 1)
"""Every model with a short form takes one of these."""

Schema: TypeAlias = dict[str, Any]


def assignment_schema() -> Schema:
    """The schema of the whole file, with a docstring of the models beside each field."""
    forms_of_kinds: dict[str, type[BaseModel]] = {**KINDS, WRITTEN: WrittenForm}
    models: list[type[BaseModel]] = [AssignmentForm, *forms_of_kinds.values()]
    names, shared = models_json_schema([(one, "validation") for one in models], schema_generator=_WithShortForms)
    parts: Schema = shared["$defs"]
    points = parts["QuestionForm"]["properties"]["points"]
    text = parts["QuestionForm"]["properties"]["prompt"]
    for kind, model in KINDS.items():
        if kind == WRITTEN:
            forms = [*parts["WrittenForm"]["properties"]["rubric"]["anyOf"], {"$ref": "#/$defs/WrittenForm"}]
            about = parts["WrittenForm"]["description"]
        else:
            name = names[model, "validation"]["$ref"].rpartition("/")[2]
            own, *short = parts[name].get("anyOf", [parts[name]])
            parts[name] = own
            texts = [info.alias or field for field, info in model.model_fields.items() if info.exclude]
            own["properties"] |= {
                field: text | {"description": own["properties"][field]["description"]} for field in texts
            }
            forms = [names[model, "validation"], *short]
            if not own.get("required"):
                forms.append({"type": "null"})
            own["properties"] |= {
                "points": points | {"description": "Of this check alone; it then counts by itself."},
                "partial": _partial_of(model.RUNGS),
            }
            about = own["description"]
        parts["QuestionForm"]["properties"][kind] = {
            "description": about,
            "anyOf": [*forms, {"type": "array", "items": {"anyOf": forms}, "minItems": 1}],
        }
    _close_mappings(parts)
    for part in list(_walk(parts)):
        _tidy(part)
    form = parts.pop("AssignmentForm")
    return {"$schema": DIALECT, **form, "title": "assignment.yaml", "$defs": parts}


def short_field(model: type[BaseModel]) -> str | None:
    """The field that a bare value in place of a mapping stands for; None where the model has no short form."""
    for bare in _BARE_SETTINGS:
        try:
            given = model.model_validate(bare)
        except ValidationError:
            continue
        name = next(iter(given.model_fields_set))
        return model.model_fields[name].alias or name
    return None


class _WithShortForms(GenerateJsonSchema):
    """Adds what validators accept that run before pydantic's own: a model's short form, one item in place of a list."""

    def function_before_schema(self, schema: core_schema.BeforeValidatorFunctionSchema) -> JsonSchemaValue:
        found = super().function_before_schema(schema)
        is_list = found.get("type") == "array" and "json_schema_input_schema" not in schema
        return {"anyOf": [found, found.get("items", {})]} if is_list else found

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        found = super().model_schema(schema)
        field = short_field(schema["cls"])
        return found if field is None else {"anyOf": [found, found["properties"][field]]}


def _partial_of(rungs: tuple[str, ...]) -> Schema:
    number: Schema = {"type": "number", "minimum": 0}
    shared: Schema = {"anyOf": [number, {"const": SHARE}]}
    return {
        "type": "object",
        "description": "Points for an answer that is right but for one thing.",
        "properties": {rung: shared if rung == SHARED_RUNG else number for rung in rungs},
        "additionalProperties": False,
    }


def _close_mappings(parts: Schema) -> None:
    """What pydantic's models leave open: the names of questions, and fields that the limits do not have."""
    questions = parts["AssignmentForm"]["properties"]["questions"]
    questions["patternProperties"] = {_QUESTION_KEY: questions.pop("additionalProperties")}
    questions |= {"additionalProperties": False, "minProperties": 1}
    limits = parts["Limits"]
    limits["additionalProperties"] = False
    for name, field in limits["properties"].items():
        field["exclusiveMinimum"] = 0
        field["maximum"] = getattr(LARGEST_LIMITS, name)


def _walk(schema: object) -> Iterator[Schema]:
    if isinstance(schema, dict):
        yield schema
        for part in schema.values():
            yield from _walk(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from _walk(part)


def _tidy(part: Schema) -> None:
    """Titles that repeat a field's name, defaults that stand for "not given", and lengths in the wrong place."""
    if isinstance(part.get("title"), str):
        del part["title"]
    if "maxLength" in part and "anyOf" in part:  # pydantic does not know that one of the forms is a list
        longest = part.pop("maxLength")
        for form in part["anyOf"]:
            if form.get("type") == "array":
                form["maxItems"] = longest
    if part.get("default", 0) in (None, "", 0, []) and not isinstance(part.get("default"), bool):
        part.pop("default", None)
