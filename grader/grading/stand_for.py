"""What a variable of a pattern may stand for: `integer`, `{not: t}`, `{name: [a, b]}`, ..."""

import ast
from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_serializer, model_validator
from pydantic_core import PydanticCustomError

from grader.domain.python import parse_expression

Word: TypeAlias = Literal["integer", "number", "string", "name"]
Spellings: TypeAlias = Annotated[tuple[Annotated[str, Field(min_length=1, max_length=200)], ...], Field(max_length=50)]


class Constraint(BaseModel):
    """Conditions on an expression; all that are given must hold.

    `integer`, `number` and `string` are written values, the first two with or without sign. A word alone is short for
    `{is: word}`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Word | None = Field(default=None, alias="is")
    name: Spellings = ()
    """One of these names."""
    excluded: Spellings = Field(default=(), alias="not")
    """None of these expressions, however they are spelt."""
    one_of: Spellings = ()
    """One of these expressions, however they are spelt."""

    @model_validator(mode="before")
    @classmethod
    def _accept_word(cls, given: Any) -> Any:  # noqa: ANN401 - whatever the YAML holds
        return given if isinstance(given, Mapping | cls) else {"is": given}

    @field_validator("name", "excluded", "one_of", mode="before")
    @classmethod
    def _accept_one(cls, given: Any) -> Any:  # noqa: ANN401 - whatever the YAML holds
        several = given if isinstance(given, list | tuple) else [given]
        return [str(one) if isinstance(one, int | float) and not isinstance(one, bool) else one for one in several]

    @field_validator("name", "excluded", "one_of")
    @classmethod
    def _require_python(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        for text in given:
            if _parse(text) is None:
                raise PydanticCustomError("not_python", "not a Python expression: {text}", {"text": text})
        return given

    @model_serializer
    def _write_shortly(self) -> Any:  # noqa: ANN401 - a word or a mapping, as an author writes it
        lists = {"name": self.name, "not": self.excluded, "one_of": self.one_of}
        given = {name: list(texts) for name, texts in lists.items() if texts}
        return {**({"is": self.kind} if self.kind else {}), **given} if given else self.kind

    def fits(self, text: str) -> bool:
        """Whether the text of an expression (or of a name that is bound) is what is asked for."""
        node = _parse(text)
        if node is None:
            return False
        spelling = ast.dump(node)
        return (
            (self.kind is None or _is_a(self.kind, node))
            and (not self.name or (isinstance(node, ast.Name) and node.id in self.name))
            and spelling not in map(_dump, self.excluded)
            and (not self.one_of or spelling in map(_dump, self.one_of))
        )


def _is_a(kind: Word, node: ast.expr) -> bool:
    if kind == "name":
        return isinstance(node, ast.Name)
    if kind == "string":
        return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
        node = node.operand
    kinds = (int,) if kind == "integer" else (int, float, complex)
    return isinstance(node, ast.Constant) and type(node.value) in kinds


def _dump(text: str) -> str:
    node = _parse(text)
    return "" if node is None else ast.dump(node)


def _parse(text: str) -> ast.expr | None:
    try:
        return parse_expression(text.strip())
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
