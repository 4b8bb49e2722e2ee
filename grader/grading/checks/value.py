"""The `value` kind: a variable or expression beside the reference's, by the ladder exists > type > shape > dtype >
values."""

import ast
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from grader.domain.assignment import InputSet
from grader.domain.execution import CellState, Evidence
from grader.domain.probe import Probe, TakeNames
from grader.domain.python import parse_strictly, walk
from grader.domain.result import Finding, Verdict
from grader.domain.text import Fact
from grader.domain.values import NamesReply, ScalarValue, SequenceValue, Value
from grader.grading.answers import RightAnswers
from grader.grading.checks.settings import MeasuredSettings, Name, ToleranceMode, Words
from grader.grading.compare import Rung, Tolerance
from grader.grading.deciding import decides_itself
from grader.grading.difference import Difference
from grader.grading.noise import find_overshoot
from grader.grading.properties import WantedProperties
from grader.grading.renamed import find_namesake
from grader.grading.syntax import imported_names, mentioned_names, parse_leniently, top_level_names
from grader.grading.written_down import is_written_down

_KEY = "names"
_ALWAYS_THERE = frozenset({"torch", "np", "numpy"})
"""Expressions have these whatever the student imports."""
_MAX_NAMES = 40


def _check_expression(text: str) -> str:
    try:
        statements = parse_strictly(text).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        statements = []
    if len(statements) != 1 or not isinstance(statements[0], ast.Expr) or "\n" in text:
        raise PydanticCustomError("bad_expression", "not a Python expression", {"expression": text})
    return text


def _as_tuple(given: object) -> object:
    return (given,) if isinstance(given, str) else given


def _in_order(given: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(rung for rung in Rung if rung in given)


Ignorable = Literal["type", "shape", "dtype"]
Expression = Annotated[str, Field(min_length=1, max_length=500), AfterValidator(_check_expression)]


class ValueCheck(MeasuredSettings):
    """Settings: the variable's `name` or an `expression`; tolerances and properties of a tensor where they matter."""

    kind: ClassVar[str] = "value"
    RUNGS: ClassVar[tuple[str, ...]] = tuple(Rung)
    has_hidden_inputs: ClassVar[bool] = False

    name: Name | None = None
    """The variable."""
    expression: Expression | None = None
    """In place of a name: what is evaluated when the question's last cell has run, such as `w.grad`."""
    label: Words | None = Field(default=None, exclude=True)
    """A text, so no part of the version: what students read in place of an expression that is hard to read. Where it is
    true or false, the statement that should hold; else a name for the value."""
    tolerance: ToleranceMode = ToleranceMode.DEFAULT
    """`exact`, the dtype's own, or the dtype's own widened by the reference's noise."""
    also: Annotated[tuple[Expression, ...], BeforeValidator(_as_tuple), Field(max_length=20)] = ()
    """Other right answers, as expressions over the reference's variables."""
    ignore: Annotated[tuple[Ignorable, ...], BeforeValidator(_as_tuple), AfterValidator(_in_order)] = ()
    """Steps of the ladder that do not matter: `type`, `shape`, `dtype`."""
    equal_nan: bool = False
    """NaN is right where the reference has NaN."""
    device: str | None = None
    """'cpu', 'cuda' or 'cuda:0'."""
    requires_grad: bool | None = None
    """Of every tensor in it."""
    is_leaf: bool | None = None
    """Of every tensor in it."""
    finite: bool = False
    """No NaN and no infinity, whatever the numbers are."""
    computed: bool = False
    """A right value that stands written in the code waits for a person."""

    @model_validator(mode="before")
    @classmethod
    def _accept_short_form(cls, given: Any) -> Any:  # noqa: ANN401 - whatever the file holds
        return {"name": given} if isinstance(given, str) else given

    @model_validator(mode="after")
    def _require_what_makes_sense(self) -> Self:
        if (self.name is None) == (self.expression is None):
            raise PydanticCustomError("name_or_expression", "value: give either a name or an expression")
        if self.label is not None and self.expression is None:
            raise PydanticCustomError("label_of_name", "label: stands beside an expression")
        if self.computed and self.name is None:
            raise PydanticCustomError("computed_expression", "computed: stands beside a name")
        return self

    @property
    def asked(self) -> str:
        """The name or expression, as the kernels are asked for it."""
        return self.name or self.expression or ""

    @property
    def answer_names(self) -> tuple[str, ...]:
        return () if self.name is None else (self.name,)

    @property
    def answer_patterns(self) -> tuple[str, ...]:
        return () if self.expression is None else (self.expression,)

    @property
    def reference_names(self) -> tuple[str, ...]:
        return self.also

    def draw_inputs(self, seed: int) -> InputSet:
        """No hidden inputs."""
        return ()

    def probes(self, *, source: str, notebook_source: str, inputs: InputSet) -> tuple[Probe, ...]:
        """The variable, and what else the question's cells bind: the answer may have another name."""
        if self.name is None:
            return (TakeNames(key=_KEY, names=(self.asked,)),)
        tree = parse_leniently(source)
        others = [name for name in top_level_names(tree) if name not in imported_names(tree)]
        likely = sorted(others, key=lambda name: name.casefold() != self.asked.casefold())
        return (TakeNames(key=_KEY, names=tuple(dict.fromkeys([self.name, *likely]))[:_MAX_NAMES]),)

    def overshoot(self, *, actual: Evidence, expected: Evidence) -> float | None:
        """Of the value itself, in units of the tolerance before it is widened."""
        ours, theirs = _values(actual).get(self.asked), _values(expected).get(self.asked)
        if ours is None or theirs is None:
            return None
        return find_overshoot(actual=ours, expected=theirs, tolerance=self._tolerance(None))

    def evaluate(self, *, actual: Evidence, expected: Evidence) -> Finding:
        """Go down the ladder to the first step that breaks, beside the nearest of the right answers."""
        right = _values(expected)
        lost = next((asked for asked in (self.asked, *self.also) if asked not in right), None)
        if lost is not None:
            return Finding(verdict=Verdict.NEEDS_REVIEW, code="value.no_expected", facts={"name": lost})
        answers = RightAnswers(
            answers=[right[asked] for asked in (self.asked, *self.also)],
            tolerance=self._tolerance(expected.overshoot),
            ignore=frozenset(Rung(rung) for rung in self.ignore),
        )
        ours = _values(actual).get(self.asked)
        if ours is None:
            return self._judge_missing(actual, answers=answers, reference=right)
        difference = answers.find_difference(ours)
        if difference is None and self._is_own_answer(actual, expected):
            return Finding(verdict=Verdict.NEEDS_REVIEW, code="value.own_answer")
        if self._states(right):
            return self._judge_statement(difference)
        broken = self._properties.find_broken(ours)
        if broken is not None and (difference is None or difference.rung is Rung.VALUES):
            facts = {"name": self._shown(broken.place), **broken.facts}
            code = f"value.{broken.code}"
            return Finding(verdict=Verdict.FAILED, code=code, facts=facts, actual=broken.value)
        if difference is None:
            is_doubtful = self.computed and _is_written_down(self.asked, actual=actual, expected=expected)
            return Finding(
                verdict=Verdict.NEEDS_REVIEW if is_doubtful else Verdict.PASSED,
                code="value.written_down" if is_doubtful else "value.passed",
                facts={"name": self._shown()},
            )
        return Finding(
            verdict=Verdict.MALFORMED if difference.is_malformed else Verdict.FAILED,
            code=self._code_of(difference),
            facts={"name": self._shown(difference.place), **difference.facts},
            rung=None if difference.rung is None or broken is not None else difference.rung.value,
            share=difference.share,
            actual=difference.actual,
            expected=difference.expected,
        )

    def _shown(self, place: str = "") -> Fact:
        """What students read for the value, or for the part of it at a place such as `[0]`."""
        if self.label is None:
            return f"{self.asked}{place}"
        return {**self.label.fact, "place": place, "code": self.asked}

    def _states(self, right: Mapping[str, Value]) -> bool:
        """Whether the label is a statement that holds or does not."""
        expected = right[self.asked]
        return self.label is not None and isinstance(expected, ScalarValue) and isinstance(expected.value, bool)

    def _is_own_answer(self, actual: Evidence, expected: Evidence) -> bool:
        """Whether what an expression gave, and anybody could guess, may be the word of a class of the student's."""
        if self.expression is None or not _is_guessable(_values(expected)[self.asked]):
            return False
        try:
            ours, theirs = (decides_itself(self.expression, source=one.notebook_source) for one in (actual, expected))
        except (RecursionError, MemoryError):
            return True  # nobody can tell
        return ours and not theirs

    def _judge_statement(self, difference: Difference | None) -> Finding:
        facts = {"name": self._shown()}
        if difference is None:
            return Finding(verdict=Verdict.PASSED, code="value.statement_holds", facts=facts)
        return Finding(verdict=Verdict.FAILED, code="value.statement_fails", facts=facts)

    @property
    def _properties(self) -> WantedProperties:
        return WantedProperties(
            device=self.device, requires_grad=self.requires_grad, is_leaf=self.is_leaf, finite=self.finite
        )

    def _tolerance(self, overshoot: float | None) -> Tolerance:
        if self.tolerance is ToleranceMode.EXACT:
            return Tolerance(rtol=0.0, atol=0.0, equal_nan=self.equal_nan)
        return Tolerance(rtol=self.rtol, atol=self.atol, times=self.times(overshoot), equal_nan=self.equal_nan)

    def _code_of(self, difference: Difference) -> str:
        if difference.code == "none" and self.asked.endswith(".grad"):
            return "value.no_grad"
        truth = difference.actual.value if isinstance(difference.actual, ScalarValue) else None
        if self.expression is not None and difference.rung is Rung.VALUES and isinstance(truth, bool):
            return "value.not_false" if truth else "value.not_true"
        return f"value.{difference.code}"

    def _judge_missing(self, actual: Evidence, *, answers: RightAnswers, reference: Mapping[str, Value]) -> Finding:
        """There is no such value: say so, and what may be the reason."""
        if self.name is None:
            return self._judge_missing_expression(actual)
        facts: dict[str, Fact] = {"name": self.asked}
        values = _values(actual)
        namesake = find_namesake(values, asked=self.asked, right=answers, reference=reference)
        if namesake is not None:
            facts["other"] = namesake.name
            if namesake.is_convincing:
                return Finding(verdict=Verdict.NEEDS_REVIEW, code="value.renamed", facts=facts)
            return Finding(verdict=Verdict.MISSING, code="value.other_name", facts=facts)
        other_case = next((name for name in values if name.casefold() == self.asked.casefold()), None)
        if other_case is not None:
            return Finding(verdict=Verdict.MISSING, code="value.other_case", facts={**facts, "other": other_case})
        stop = _stop(actual)
        code = "value.missing_name" if stop is None else "value.missing_after_error"
        return Finding(verdict=Verdict.MISSING, code=code, facts=facts | (stop or {}))

    def _judge_missing_expression(self, actual: Evidence) -> Finding:
        facts: dict[str, Fact] = {"name": self._shown()}
        if (stop := _stop(actual)) is not None:
            return Finding(verdict=Verdict.MISSING, code="value.expression_after_error", facts=facts | stop)
        lacking: list[Fact] = [f"`{name}`" for name in self._lacking(parse_leniently(actual.notebook_source))]
        if lacking:
            return Finding(verdict=Verdict.MISSING, code="value.expression_lacks", facts={**facts, "names": lacking})
        return Finding(verdict=Verdict.MISSING, code="value.missing_expression", facts=facts)

    def _lacking(self, tree: ast.Module) -> list[str]:
        """Names of the expression that no code up to here binds; none where an import may bind anything."""
        asked = parse_leniently(self.asked)
        own = {node.id for node in walk(asked) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
        bound = set(top_level_names(tree))
        return [] if "*" in bound else sorted(mentioned_names(asked) - own - bound - _ALWAYS_THERE)


def _is_guessable(value: Value) -> bool:
    """Truths and words, and lists of these, are told by the question; numbers have to be found."""
    if isinstance(value, SequenceValue):
        return all(map(_is_guessable, value.items))
    return isinstance(value, ScalarValue) and isinstance(value.value, bool | str | None)


def _is_written_down(name: str, *, actual: Evidence, expected: Evidence) -> bool:
    given = {*top_level_names(parse_leniently(expected.notebook_source))} - {name}
    try:
        return is_written_down(name, source=actual.source, notebook_source=actual.notebook_source, given=given)
    except (RecursionError, MemoryError):
        return True  # what nobody can read does not show that anything is computed


def _stop(evidence: Evidence) -> dict[str, Fact] | None:
    """The first cell that an error stopped."""
    for run in evidence.cell_runs:
        if run.state is CellState.RAISED and run.error is not None:
            return {"cell": run.index + 1, "error": run.error.name[:80]}
    return None


def _values(evidence: Evidence) -> Mapping[str, Value]:
    reply = evidence.replies.get(_KEY)
    return reply.values if isinstance(reply, NamesReply) else {}
