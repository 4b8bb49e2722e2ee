"""The `gradient` kind: derivatives obtained by autograd, by any public route.

The kernel says which numbers there are, the source says which of them are derivatives, and a second run from other
inputs says whether they are computed. A number counts only where all agree.
"""

import ast
from typing import Annotated, Any, ClassVar, Self

from pydantic import BeforeValidator, Field, field_serializer, model_validator
from pydantic_core import PydanticCustomError

from grader.domain.assignment import InputSet
from grader.domain.execution import Evidence
from grader.domain.probe import Probe, ReplayBent, ReplayShifted, TakeNames
from grader.domain.result import Finding, Verdict
from grader.grading.autograd.follow import follow_autograd
from grader.grading.checks.gradient_candidates import NAMES_KEY, root_of, values_of
from grader.grading.checks.gradient_module import ModuleSearch, expression_of
from grader.grading.checks.gradient_names import NamedSearch, judge_none
from grader.grading.checks.gradient_search import Search
from grader.grading.checks.gradient_witness import (
    BENT_KEY,
    REPLAY_SECONDS,
    SHIFTED_KEY,
    Movement,
    Witness,
    draw_bend,
    draw_shift,
    has_bent,
    read_draw,
    replayed,
)
from grader.grading.checks.settings import Name, TolerantSettings
from grader.grading.noise import find_overshoot
from grader.grading.syntax import (
    function_names,
    imported_names,
    mentioned_names,
    parse_leniently,
    top_level_names,
)

_MAX_NAMES = 60
_MAX_MODULES = 10
_READ_FROM_SOURCE = ("gradient.wrong_point", "gradient.no_backward", "gradient.unclear")
"""Verdicts that rest on reading the source alone; the second run knows better."""

Place = Annotated[str, Field(pattern=r"^[^\W\d]\w*(\.[^\W\d]\w*|\[\d{1,4}\])*$", max_length=100)]
"""A variable, or a tensor in one: `w`, `model.weight`, `layers[0].bias`."""


def _as_tuple(given: object) -> object:
    return (given,) if isinstance(given, str) else given


class GradientCheck(TolerantSettings):
    """Settings: `of` names tensors of the reference, `at` the number a single derivative is taken at.

    `function` names the function that is differentiated. `none` asks for a gradient that is None, `module` for those of
    all parameters of a module.
    """

    kind: ClassVar[str] = "gradient"
    RUNGS: ClassVar[tuple[str, ...]] = ("values",)
    answer_patterns: ClassVar[tuple[str, ...]] = ()

    of: Annotated[tuple[Place, ...], BeforeValidator(_as_tuple), Field(max_length=100)] = ()
    """The variables with respect to which the reference differentiates."""
    module: Place | None = None
    """In place of `of`: the module whose parameters' gradients are compared."""
    none: bool = False
    """The gradient must be None."""
    at: float | None = None
    """The number at which the derivative is taken."""
    function: Name | None = None
    """The function that is differentiated."""

    @field_serializer("of")
    def _write_short_form(self, of: tuple[str, ...]) -> object:
        return of[0] if len(of) == 1 else of

    @model_validator(mode="before")
    @classmethod
    def _accept_short_form(cls, given: Any) -> Any:  # noqa: ANN401 - whatever the file holds
        return {"of": given} if isinstance(given, str | list | tuple) else given

    @model_validator(mode="after")
    def _require_one_form(self) -> Self:
        if bool(self.of) == (self.module is not None):
            raise PydanticCustomError("of_or_module", "give either `of` or `module`")
        is_several = self.module is not None or len(self.of) > 1
        if is_several and (self.none or self.at is not None or self.function is not None):
            raise PydanticCustomError("one_gradient", "`none`, `at` and `function` go with a single name in `of`")
        if self.none and (self.at is not None or self.function is not None):
            raise PydanticCustomError("none_or_point", "a gradient that is None is taken nowhere: leave `at` out")
        return self

    @property
    def has_hidden_inputs(self) -> bool:
        """A gradient that is None cannot move."""
        return not self.none

    @property
    def answer_names(self) -> tuple[str, ...]:
        """None: the variable may have any name, and `x` says nothing about a cell."""
        return ()

    def draw_inputs(self, seed: int) -> InputSet:
        """How the question is changed when it is run again."""
        if self.none:
            return ()
        return draw_shift(seed) if self.function is None else draw_bend(seed)

    def probes(self, *, source: str, notebook_source: str, inputs: InputSet) -> tuple[Probe, ...]:
        """Every variable the question binds or mentions, with its `.grad`; the same again when it is run again."""
        tree = parse_leniently(source)
        names = self._names_to_take(source, notebook_source)
        taken = TakeNames(key=NAMES_KEY, names=names)
        if not inputs:
            return (taken,)
        one, other = read_draw(inputs)
        code = ast.unparse(tree)
        if self.function is not None:
            functions = _bent_functions(self.function, source, notebook_source)
            bent = ReplayBent(
                key=BENT_KEY,
                names=names,
                source=code,
                functions=functions,
                square=one,
                slope=other,
                seconds=REPLAY_SECONDS,
            )
            return (taken, bent)
        shifted = ReplayShifted(
            key=SHIFTED_KEY,
            names=names,
            source=code,
            shifted=tuple(dict.fromkeys(root_of(place) for place in self.of)),
            seed=int(one),
            scale=other,
            seconds=REPLAY_SECONDS,
        )
        return (taken, shifted)

    def _names_to_take(self, source: str, notebook_source: str) -> tuple[str, ...]:
        tree = parse_leniently(source)
        bound = [name for name in top_level_names(tree) if name not in imported_names(tree)]
        mentioned = sorted(mentioned_names(tree))
        names = list(dict.fromkeys([*self.of, *bound, *mentioned]))[:_MAX_NAMES]
        if self.module is None:
            return tuple(names)
        modules = dict.fromkeys([self.module, *_find_variables(source, notebook_source)])
        return (*(expression_of(name) for name in modules), *names)

    def evaluate(self, *, actual: Evidence, expected: Evidence) -> Finding:
        """Compare what autograd gave with the reference's."""
        if self.module is not None:
            others = _find_variables(actual.source, actual.notebook_source)
            search = ModuleSearch(name=self.module, tolerance=self.tolerance)
            return search.judge(actual=actual, expected=expected, others=others)
        if self.none:
            return judge_none(self.of[0], actual=actual, expected=expected)
        if self.at is None and self.function is None:
            return NamedSearch(names=self.of, tolerance=self.tolerance).judge(actual=actual, expected=expected)
        return self._judge_point(actual=actual, expected=expected)

    def _judge_point(self, *, actual: Evidence, expected: Evidence) -> Finding:
        """One derivative at one point, under any name."""
        search = Search(of=self.of[0], at=self.at, tolerance=self.tolerance)
        finding = search.judge(actual=actual, expected=expected)
        movement = self._movement(search, actual=actual, expected=expected)
        if movement is Movement.UNKNOWN:
            return finding
        if finding.verdict is Verdict.PASSED and movement in (Movement.LOST, Movement.STUCK, Movement.OTHER):
            if self.function is None:
                return Finding(verdict=Verdict.NEEDS_REVIEW, code="gradient.not_moved", facts=finding.facts)
            return Finding(verdict=Verdict.NEEDS_REVIEW, code="gradient.unverified", facts={"name": self.function})
        if finding.code in _READ_FROM_SOURCE and movement is Movement.SAME:
            if search.is_right_without_doubt(actual=actual, expected=expected):
                return Finding(verdict=Verdict.PASSED, code="gradient.passed")
            return Finding(verdict=Verdict.NEEDS_REVIEW, code="gradient.unclear")
        return finding

    def _movement(self, search: Search, *, actual: Evidence, expected: Evidence) -> Movement:
        """How the answer moves when it is run again."""
        key = SHIFTED_KEY if self.function is None else BENT_KEY
        if key not in expected.replies:
            return Movement.UNKNOWN
        model = follow_autograd(source=expected.source, notebook_source=expected.notebook_source)
        if self.function is not None:
            after = search.find_target(replayed(expected, key=key), model)
            has_moved = has_bent(actual=actual, wanted=None if after is None else after.value)
            return Movement.SAME if has_moved else Movement.OTHER
        before = search.find_target(expected, model)
        # Moved inputs are at another point than asked.
        after = Search(of=search.of, at=None, tolerance=self.tolerance).find_target(replayed(expected, key=key), model)
        if before is None or after is None:
            return Movement.UNKNOWN
        return Witness.of(actual=actual, expected=expected).movement(before=before.value, after=after.value)

    def overshoot(self, *, actual: Evidence, expected: Evidence) -> float | None:
        """Of all numbers that are asked for, by the tolerance that the author gave or the dtype's own."""
        gaps: list[float | None] = []
        for name in self._measured:
            ours, theirs = values_of(actual).get(name), values_of(expected).get(name)
            if self.module is None:
                ours, theirs = getattr(ours, "grad", None) or ours, getattr(theirs, "grad", None) or theirs
            if ours is None or theirs is None:
                return None
            gaps.append(find_overshoot(actual=ours, expected=theirs, tolerance=self.tolerance))
        known = [gap for gap in gaps if gap is not None]
        return max(known) if len(known) == len(gaps) and known else None

    @property
    def _measured(self) -> tuple[str, ...]:
        if self.none:
            return ()
        return self.of if self.module is None else (expression_of(self.module),)


def _find_variables(source: str, notebook_source: str) -> tuple[str, ...]:
    """Variables of a question that may hold a module."""
    tree, imported = parse_leniently(source), imported_names(parse_leniently(notebook_source))
    used = dict.fromkeys([*top_level_names(tree), *sorted(mentioned_names(tree))])
    return tuple(name for name in used if name not in imported)[:_MAX_MODULES]


def _bent_functions(function: str, source: str, notebook_source: str) -> tuple[str, ...]:
    """The function asked for or, under another name, the only one the question's cells define or else use."""
    tree = parse_leniently(source)
    defined = function_names(tree)
    if function in defined:
        return (function,)
    if not defined:
        mentioned = mentioned_names(tree)
        defined = tuple(name for name in function_names(parse_leniently(notebook_source)) if name in mentioned)
    return defined if len(defined) == 1 else (function,)
