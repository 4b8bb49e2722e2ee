"""The `source` kind: an expression that the student's code must contain, or must not, found in the syntax tree."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from grader.domain.execution import Evidence
from grader.domain.python import parse_strictly
from grader.domain.result import Finding, Verdict
from grader.domain.text import Fact
from grader.grading.checks.unprobed import UnprobedCheck
from grader.grading.doubt import find_doubt
from grader.grading.live import live_tree
from grader.grading.near_miss import find_near_miss
from grader.grading.pattern import BadPatternError, Pattern

_MAX_CHARACTERS = 60_000
"""Nobody answers a question in more; following what is shown through such a source would keep a worker for minutes."""


class SourceCheck(UnprobedCheck):
    """A pattern such as `$T.size()`: Python in which `$NAME` stands for any expression and `$$$` for any arguments.

    It must occur in code that can run: comments, strings, `if False:` and functions that are never called do not count.
    `where` narrows what a variable may stand for; `absent: true` turns the check round.
    """

    kind: ClassVar[str] = "source"

    pattern: str = Field(min_length=1, max_length=500)
    where: Mapping[str, Literal["integer", "name"]] = Field(default_factory=dict)
    absent: bool = False

    @model_validator(mode="before")
    @classmethod
    def _accept_pattern_alone(cls, given: Any) -> Any:  # noqa: ANN401 - whatever the YAML holds
        return {"pattern": given} if isinstance(given, str) else given

    @model_validator(mode="after")
    def _check_pattern(self) -> Self:
        try:
            variables = self._compiled.variables
        except BadPatternError as error:
            message = "not a Python expression with $NAME variables: {pattern}"
            raise PydanticCustomError("bad_pattern", message, {"pattern": self.pattern}) from error
        for name in self.where:
            if name not in variables:
                message = "${name} does not occur in the pattern"
                raise PydanticCustomError("where_unknown", message, {"name": name})
        return self

    @cached_property
    def _compiled(self) -> Pattern:
        return Pattern(self.pattern, where=self.where)

    @property
    def answer_patterns(self) -> tuple[str, ...]:
        """The pattern, where it is plain Python that must occur: then a cell without a heading can be told by it."""
        return () if self.absent or "$" in self.pattern else (self.pattern,)

    def evaluate(self, *, actual: Evidence, expected: Evidence) -> Finding:
        """Look for the pattern in the student's code.

        Where the reference shows what its match gives, what the student shows has to come from the match, too.
        """
        shown: dict[str, Fact] = {"pattern": self.pattern}
        if len(actual.source) > _MAX_CHARACTERS:
            return Finding(verdict=Verdict.NEEDS_REVIEW, code="source.unreadable")
        try:
            broken_line = _syntax_error_line(actual.source)
            tree = live_tree(actual.source)
            occurs = self._compiled.occurs_in(tree)
            near = None if occurs else find_near_miss(self._compiled, tree, source=actual.source)
            doubt = find_doubt(self._compiled, actual=actual, expected=expected) if occurs and not self.absent else None
        except (RecursionError, MemoryError):
            return Finding(verdict=Verdict.NEEDS_REVIEW, code="source.unreadable")
        if broken_line is not None:
            facts = shown | {"line": broken_line}
            if occurs:  # in another statement than the broken one, which may or may not have run
                return Finding(verdict=Verdict.NEEDS_REVIEW, code="source.beside_error", facts=facts)
            return Finding(verdict=Verdict.FAILED, code="source.syntax_error", facts=facts)
        if self.absent:
            verdict, code = (Verdict.FAILED, "source.forbidden") if occurs else (Verdict.PASSED, "source.absent")
            return Finding(verdict=verdict, code=code, facts=shown)
        if doubt is not None:
            return Finding(verdict=Verdict.NEEDS_REVIEW, code=doubt, facts=shown)
        if occurs:
            return Finding(verdict=Verdict.PASSED, code="source.found", facts=shown)
        if near is not None:
            verdict = Verdict.NEEDS_REVIEW if near.is_open else Verdict.FAILED
            return Finding(verdict=verdict, code=near.code, facts={**shown, **near.facts})
        return Finding(verdict=Verdict.FAILED, code="source.pattern_missing", facts=shown)


def _syntax_error_line(source: str) -> int | None:
    """Where the source stops being Python; None where all of it parses."""
    try:
        parse_strictly(source)
    except SyntaxError as error:
        return error.lineno or 1
    except ValueError:  # null bytes, lone surrogates
        return 1
    return None
