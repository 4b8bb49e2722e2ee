"""The `source` kind: a form that the student's code must have, or must not, so and so often; found in its tree."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from grader.domain.execution import Evidence
from grader.domain.python import parse_strictly
from grader.domain.remember import remember_by_text
from grader.domain.result import Finding, Verdict
from grader.domain.text import Fact
from grader.grading.checks.settings import Words
from grader.grading.checks.unprobed import UnprobedCheck
from grader.grading.doubt import find_doubt
from grader.grading.hidden import may_hide
from grader.grading.live import leaves_definitions_unused, live_tree
from grader.grading.near_miss import find_near_miss
from grader.grading.pattern import BadPatternError, Pattern
from grader.grading.stand_for import Constraint

_MAX_CHARACTERS = {"question": 60_000, "notebook": 200_000}
"""Nobody answers a question in more; following what is shown through such a source would keep a worker for minutes."""


class SourceCheck(UnprobedCheck):
    """A pattern such as `$T.size()`: Python in which `$NAME` stands for any expression and `$$$` for any arguments.

    It must occur in code that can run: comments, strings, `if False:` and functions that are never called do not count.
    `where` narrows what a variable may stand for; `absent`, `at_least` and `at_most` say how often.
    """

    kind: ClassVar[str] = "source"

    pattern: str = Field(min_length=1, max_length=500)
    where: Mapping[str, Constraint] = Field(default_factory=dict)
    absent: bool = False
    at_least: int | None = Field(default=None, ge=1, le=1000)
    at_most: int | None = Field(default=None, ge=1, le=1000)
    scope: Literal["question", "notebook"] = Field(default="question", alias="in")
    """The code of the question's cells, or all code up to its last one."""
    message: Words | None = Field(default=None, exclude=True)
    """A text, so no part of the version: what students read where the code breaks this rule."""

    @model_validator(mode="before")
    @classmethod
    def _accept_pattern_alone(cls, given: Any) -> Any:  # noqa: ANN401 - whatever the YAML holds
        return {"pattern": given} if isinstance(given, str) else given

    @model_validator(mode="after")
    def _check_pattern(self) -> Self:
        try:
            variables = self._compiled.variables
        except BadPatternError as error:
            message = "not a Python expression or statement with $NAME variables: {pattern}"
            raise PydanticCustomError("bad_pattern", message, {"pattern": self.pattern}) from error
        for name in self.where:
            if name not in variables:
                message = "${name} does not occur in the pattern"
                raise PydanticCustomError("where_unknown", message, {"name": name})
        return self

    @model_validator(mode="after")
    def _check_counts(self) -> Self:
        if self.absent and (self.at_least is not None or self.at_most is not None):
            raise PydanticCustomError("absent_and_counted", "absent stands alone: without at_least and at_most")
        if self.at_least is not None and self.at_most is not None and self.at_least > self.at_most:
            raise PydanticCustomError("at_least_above_at_most", "at_least is above at_most: nothing can pass")
        return self

    @cached_property
    def _compiled(self) -> Pattern:
        return Pattern(self.pattern, where=self.where)

    @property
    def _least(self) -> int:
        """How often it must occur: `at_most` alone asks for nothing."""
        if self.at_least is not None:
            return self.at_least
        return 0 if self.absent or self.at_most is not None else 1

    @property
    def _most(self) -> int | None:
        return 0 if self.absent else self.at_most

    @property
    def answer_patterns(self) -> tuple[str, ...]:
        """The pattern, where it is plain Python that must occur: then a cell without a heading can be told by it."""
        is_plain = "$" not in self.pattern and self._compiled.expression is not None
        return (self.pattern,) if is_plain and self._least and self.scope == "question" else ()

    def evaluate(self, *, actual: Evidence, expected: Evidence) -> Finding:
        """Look for the pattern in the student's code.

        Where the reference shows what its match gives, what the student shows has to come from the match, too.
        """
        source = actual.source if self.scope == "question" else actual.notebook_source
        shown: dict[str, Fact] = {"pattern": self.pattern}
        if len(source) > _MAX_CHARACTERS[self.scope]:
            return Finding(verdict=Verdict.NEEDS_REVIEW, code="source.unreadable")
        try:
            broken_line = _syntax_error_line(source)
            tree = live_tree(source, keeps_definitions=leaves_definitions_unused(expected.source))
            count = self._compiled.count_in(tree)
            if broken_line is not None and (found := self._judge_broken(count, line=broken_line)) is not None:
                return found
            wrong = self._judge_count(count)
            if wrong is None:
                doubt = self._find_doubt(actual, expected)
                code = doubt or ("source.found" if count else "source.absent")
                return Finding(verdict=Verdict.NEEDS_REVIEW if doubt else Verdict.PASSED, code=code, facts=shown)
            near = None if count else find_near_miss(self._compiled, tree, source=source)
        except (RecursionError, MemoryError):
            return Finding(verdict=Verdict.NEEDS_REVIEW, code="source.unreadable")
        if near is not None:
            verdict = Verdict.NEEDS_REVIEW if near.is_open else Verdict.FAILED
            return Finding(verdict=verdict, code=near.code, facts={**shown, **near.facts})
        return wrong

    def _find_doubt(self, actual: Evidence, expected: Evidence) -> str | None:
        """What must be in the question's own code should be what its output comes from; what must not, hide nowhere."""
        if self.absent:
            keeps_definitions = leaves_definitions_unused(expected.source)
            hides = self._may_hide(actual, keeps_definitions=keeps_definitions)
            is_usual = hides and self._may_hide(expected, keeps_definitions=keeps_definitions)
            return "source.hidden" if hides and not is_usual else None
        if not self._least or self.scope == "notebook":
            return None
        return find_doubt(self._compiled, actual=actual, expected=expected)

    def _may_hide(self, evidence: Evidence, *, keeps_definitions: bool) -> bool:
        return may_hide(
            self._compiled,
            source=evidence.source if self.scope == "question" else evidence.notebook_source,
            notebook_source=evidence.notebook_source,
            keeps_definitions=keeps_definitions,
        )

    def _judge_broken(self, count: int, *, line: int) -> Finding | None:
        """Code that is not Python somewhere; None where what does parse settles it all the same."""
        facts: dict[str, Fact] = {"pattern": self.pattern, "line": line}
        if self.scope == "question" and not count:
            return Finding(verdict=Verdict.FAILED, code="source.syntax_error", facts=facts)
        if self.scope == "notebook" and count and self._judge_count(count) is None and self._most is None:
            return None  # the broken statement is another question's, and what is asked for is there
        return Finding(verdict=Verdict.NEEDS_REVIEW, code="source.beside_error", facts=facts)

    def _judge_count(self, count: int) -> Finding | None:
        """What is wrong with occurring so often; None where nothing is."""
        facts: dict[str, Fact] = {"pattern": self.pattern, "count": count}
        if count < self._least:
            facts["wanted"] = self._least
            code = "source.too_few" if count else "source.pattern_missing"
        elif self._most is not None and count > self._most:
            facts["limit"] = self._most
            code = "source.too_often" if self._most else "source.forbidden"
        else:
            return None
        if self.message is not None:
            code, facts["message"] = "source.message", self.message.fact
        return Finding(verdict=Verdict.FAILED, code=code, facts=facts)


@remember_by_text
def _syntax_error_line(source: str) -> int | None:
    """Where the source stops being Python; None where all of it parses."""
    try:
        parse_strictly(source)
    except SyntaxError as error:
        return error.lineno or 1
    except ValueError:  # null bytes, lone surrogates
        return 1
    return None
