"""The `training` kind: a loop of the student's, by its losses, where the parameters went, and what it predicts."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, ClassVar, Literal, Self, TypeAlias

import numpy as np
from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from grader.domain.assignment import InputSet
from grader.domain.execution import CellState, Evidence
from grader.domain.probe import CallFunction, CallModule, Probe, TakeNames
from grader.domain.result import Finding, Verdict
from grader.domain.text import Fact
from grader.domain.values import ModuleReply, NamesReply, ScalarValue, SequenceValue, Value
from grader.grading.arrays import Array
from grader.grading.checks.settings import BoundedSettings, times_for_noise
from grader.grading.checks.training_history import HistoryFault, find_fault, read_history
from grader.grading.checks.training_loop import Loop, module_names, read_loop
from grader.grading.checks.training_predictions import EVAL, NEAR, Predict
from grader.grading.checks.value import Expression
from grader.grading.compare import Tolerance, overshoot
from grader.grading.difference import find_numbers, shape_word
from grader.grading.syntax import function_names, imported_names, parse_leniently, top_level_names
from grader.grading.written_down import is_written_down

_NAMES, _PREDICTIONS = "names", "predictions"
_PREDICT_S = 10.0
_MAX_OTHERS = 20
_ANY, _BY_HAND = "any", "by_hand"
_STATELESS = ("SGD",)
"""An optimizer of these keeps nothing between steps, so an empty state says nothing of it."""
_OPTIMIZERS = (
    "[[type(one).__name__, len(one.state)] for one in list(globals().values())"
    " if isinstance(one, torch.optim.Optimizer)]"
)
# fmt: off
Updates: TypeAlias = Literal[
    "any", "by_hand", "ASGD", "Adadelta", "Adafactor", "Adagrad", "Adam", "AdamW", "Adamax",
    "LBFGS", "Muon", "NAdam", "RAdam", "RMSprop", "Rprop", "SGD", "SparseAdam",
]
# fmt: on
_PARTS = ("optimizer", "losses", "parameters", "predict")
_NOTHING_LEARNT = ("loss_equal", "loss_rose", "barely_fell", "loss_above")


class TrainingCheck(BoundedSettings):
    """A training loop as it stands in the student's notebook; at least one of its four parts is looked at."""

    kind: ClassVar[str] = "training"
    RUNGS: ClassVar[tuple[str, ...]] = _PARTS
    answer_patterns: ClassVar[tuple[str, ...]] = ()

    losses: Expression | None = None
    """The history of the loss: a name or expression that gives a list of numbers, one for each step or epoch."""
    falls: bool = True
    """The losses end clearly below their start."""
    below: float | None = Field(default=None, allow_inf_nan=False)
    """What the last losses must lie below."""
    parameters: Annotated[
        tuple[Expression, ...], BeforeValidator(lambda given: (given,) if isinstance(given, str) else given)
    ] = Field(default=(), max_length=50)
    """Names or expressions that end near the reference's: `w`, `model.weight`."""
    tolerance: Literal["default", "measured"] = "default"
    """How near: by rtol and atol (0.05 each where they are not given), or by these widened by the reference's noise."""
    predict: Predict | None = None
    """Predictions for hidden inputs."""
    optimizer: Updates | None = None
    """How parameters are updated: `any` optimizer of torch.optim, one of them by name (`SGD`, `Adam`), or `by_hand`."""
    seconds: float | None = Field(default=None, gt=0, le=3600)
    """Budget for the question's cells, in place of the limit `question_s`."""

    @model_validator(mode="after")
    def _require_a_part(self) -> Self:
        if not any((self.losses, self.parameters, self.predict, self.optimizer)):
            raise PydanticCustomError("training_of_nothing", "at least one of losses, parameters, predict, optimizer")
        if self.below is not None and self.losses is None:
            raise PydanticCustomError("below_without_losses", "below: the losses it is about are missing")
        return self

    @property
    def budget_s(self) -> float | None:
        return self.seconds

    @property
    def widens_for_noise(self) -> bool:
        return self.tolerance == "measured"

    @property
    def has_hidden_inputs(self) -> bool:
        return self.predict is not None and self.predict.is_drawn

    @property
    def answer_names(self) -> tuple[str, ...]:
        asked = (self.losses, *self.parameters, None if self.predict is None else self.predict.name)
        return tuple(dict.fromkeys(name for name in asked if name is not None and name.isidentifier()))

    def draw_inputs(self, seed: int) -> InputSet:
        """One call with one argument, where predictions are asked for inputs that are drawn."""
        return () if self.predict is None else self.predict.draw(seed)

    def probes(self, *, source: str, notebook_source: str, inputs: InputSet) -> tuple[Probe, ...]:
        """Losses and parameters, every optimizer there is, and one call for predictions, of a module or a function."""
        plan = _Plan(self, source=source, notebook_source=notebook_source)
        probes: list[Probe] = [TakeNames(key=_NAMES, names=plan.expressions)]
        if self.predict is not None:
            probes.append(plan.prediction(self.predict.calls(inputs)))
        return tuple(probes)

    def overshoot(self, *, actual: Evidence, expected: Evidence) -> float | None:
        """Of the parameters and of predictions that are held against the reference's."""
        pairs = [(_numbers(_value(actual, name)), _numbers(_value(expected, name))) for name in self.parameters]
        found = [
            overshoot(actual=ours.reshape(theirs.shape), expected=theirs, tolerance=self._near(None))
            for ours, theirs in pairs
            if ours is not None and theirs is not None and ours.size == theirs.size
        ]
        return max((one for one in found if one is not None), default=None)

    def evaluate(self, *, actual: Evidence, expected: Evidence) -> Finding:
        """Look at every part; how parameters are updated is told before what follows from it.

        The rung is the part that is wrong, where all others are right.
        """
        judge = _Judge(self, actual=actual, expected=expected)
        faults = {part: fault for part in _PARTS if (fault := judge.find(part)) is not None}
        if not faults:
            return Finding(verdict=Verdict.PASSED, code="training.passed")
        part, fault = min(faults.items(), key=lambda found: _urgency(found[1]))
        if len(faults) > 1 or fault.verdict is not Verdict.FAILED:
            return fault
        return Finding(verdict=fault.verdict, code=fault.code, facts=fault.facts, rung=part)

    def _near(self, noise: float | None) -> Tolerance:
        times = times_for_noise(noise) if self.widens_for_noise else 1.0
        rtol, atol = (NEAR, NEAR) if self.rtol is None or self.atol is None else (self.rtol, self.atol)
        return Tolerance(rtol=rtol * times, atol=atol * times)


class _Plan:
    """What a check asks of one notebook, under the names that stand there."""

    def __init__(self, check: TrainingCheck, *, source: str, notebook_source: str) -> None:
        self._check = check
        self._tree = parse_leniently(source)
        self._own = top_level_names(self._tree)
        self._notebook = parse_leniently(notebook_source)
        self._earlier = top_level_names(self._notebook)
        self._modules = module_names(source=source, notebook_source=notebook_source)

    @property
    def models(self) -> tuple[str, ...]:
        """As with functions: the name asked for where the question binds it, else the only module it makes."""
        return self._with_only(self._modules)

    def prediction(self, calls: InputSet) -> Probe:
        """Calls of the function, where the question defines one that fits, else of a module."""
        functions = self._with_only(function_names(self._tree))
        if functions[0] in (*function_names(self._tree), *function_names(self._notebook)):
            return CallFunction(key=_PREDICTIONS, names=functions, calls=calls, gradients=False, seconds=_PREDICT_S)
        return CallModule(
            key=_PREDICTIONS,
            names=self.models,
            arguments=None,
            weights_seed=None,
            calls=calls,
            gradients=False,
            modes=(EVAL,),
            seconds=_PREDICT_S,
        )

    def _with_only(self, names: Sequence[str]) -> tuple[str, ...]:
        name = self._check.predict.name if self._check.predict is not None else ""
        only = tuple(names) if len(names) == 1 and name not in self._own else ()
        return tuple(dict.fromkeys((*only, name)))

    def renamed(self, expression: str) -> str:
        """The expression with the only module's name where its own first name is bound nowhere."""
        first = re.match(r"\w+(?=\.)", expression)
        if first is None or first[0] in self._earlier or len(self._modules) != 1:
            return expression
        return self._modules[0] + expression[first.end() :]

    @property
    def history(self) -> str | None:
        return None if self._check.losses is None else as_history(self._check.losses)

    @property
    def other_histories(self) -> Mapping[str, str]:
        """Where the losses may be instead, by name: any list that the question makes."""
        losses = self._check.losses
        if losses is None or not losses.isidentifier() or losses in self._own:
            return {}
        others = [name for name in self._own if name not in imported_names(self._tree)][:_MAX_OTHERS]
        return {name: f"{as_history(name)} if type({name}) is list else None" for name in others}

    @property
    def held(self) -> str | None:
        """How many parameters of the model an optimizer holds."""
        if self._check.optimizer in (None, _BY_HAND) or self._check.predict is None:
            return None
        name = self.models[0]
        return (
            f"[sum(a is b for group in one.param_groups for a in group['params']"
            f" for b in {name}.parameters()) for one in list(globals().values())"
            " if isinstance(one, torch.optim.Optimizer)]"
        )

    @property
    def callable(self) -> str:
        """Whether the model, which may be of any class, can be called at all."""
        return f"callable({self.models[0]})"

    @property
    def expressions(self) -> tuple[str, ...]:
        asked = [self.history, *self.other_histories.values(), *map(self.renamed, self._check.parameters)]
        if self._check.predict is not None:
            asked.append(self.callable)
        if self._check.optimizer is not None:
            asked += [_OPTIMIZERS, self.held]
        return tuple(dict.fromkeys(one for one in asked if one is not None))


def as_history(expression: str) -> str:
    """An expression that gives all losses as one tensor, whatever they are a list of."""
    return f"torch.tensor([float(one) for one in ({expression})], dtype=torch.float64)"


class _Judge:
    """One student's evidence beside the reference's."""

    def __init__(self, check: TrainingCheck, *, actual: Evidence, expected: Evidence) -> None:
        self._check = check
        self._actual = actual
        self._expected = expected
        self._plan = _Plan(check, source=actual.source, notebook_source=actual.notebook_source)
        self._loop: Loop = read_loop(source=actual.source, notebook_source=actual.notebook_source)

    def find(self, part: str) -> Finding | None:
        """What is wrong with this part; None where nothing is, or where it does not matter."""
        return {
            "losses": self._find_in_losses,
            "parameters": self._find_in_parameters,
            "predict": self._find_in_predictions,
            "optimizer": self._find_in_updates,
        }[part]()

    def _find_in_losses(self) -> Finding | None:
        check = self._check
        if check.losses is None or self._plan.history is None:
            return None
        losses = read_history(_value(self._actual, self._plan.history))
        if losses is None:
            found = [read_history(_value(self._actual, other)) for other in self._plan.other_histories.values()]
            others = [one for one in found if one is not None and one.size > 1]
            if len(others) != 1:
                return self._missing(check.losses, code="no_history")
            losses = others[0]
        fault = find_fault(losses, falls=check.falls, below=check.below)
        if fault is None:
            return self._doubt_losses(check.losses)
        return _failed(self._cause_of(fault), facts={"name": check.losses, **fault.facts})

    def _doubt_losses(self, name: str) -> Finding | None:
        """Losses that fall as they should and stand written in the code are no history."""
        given = {*top_level_names(parse_leniently(self._expected.notebook_source))} - {name}
        source, notebook_source = self._actual.source, self._actual.notebook_source
        if not name.isidentifier() or not is_written_down(
            name, source=source, notebook_source=notebook_source, given=given
        ):
            return None
        return Finding(verdict=Verdict.NEEDS_REVIEW, code="training.losses_written", facts={"name": name})

    def _cause_of(self, fault: HistoryFault) -> str:
        """The code of a mistake in the loop that explains the losses, or else of what they look like.

        Losses of one batch each differ even where nothing is learnt.
        """
        loop = self._loop
        if fault.code in _NOTHING_LEARNT:
            if self._holds_nothing():
                return "other_parameters"
            if loop.zeroes_too_early:
                return "zeroed_too_early"
            if loop.has_backward and loop.optimizers and not loop.has_step:
                return "never_stepped"
            if loop.has_step and not loop.has_backward:
                return "no_backward"
        is_short = fault.code in ("no_losses", "one_loss", "loss_equal")
        return "not_zeroed" if self._never_zeroes() and not is_short else fault.code

    def _never_zeroes(self) -> bool:
        return self._loop.repeats_backward and not self._loop.zeroes

    def _find_in_parameters(self) -> Finding | None:
        noise = self._expected.overshoot
        for name in self._check.parameters:
            theirs = _numbers(_value(self._expected, name))
            if theirs is None:
                return Finding(verdict=Verdict.NEEDS_REVIEW, code="training.no_expected", facts={"name": name})
            value = _value(self._actual, self._plan.renamed(name))
            if value is None:
                return self._missing(name, code="missing_name")
            ours = _numbers(value)
            if ours is None:
                return Finding(verdict=Verdict.MALFORMED, code="training.parameter_opaque", facts={"name": name})
            facts: dict[str, Fact] = {"name": name}
            if ours.size != theirs.size:
                facts |= {"shape": shape_word(ours.shape), "expected_shape": shape_word(theirs.shape)}
                return _failed("parameter_shape", facts=facts)
            times = overshoot(actual=ours.reshape(theirs.shape), expected=theirs, tolerance=self._check._near(noise))
            if times is None or not times <= 1:
                return _failed("not_zeroed" if self._never_zeroes() else "parameter_far", facts=facts)
        return None

    def _find_in_predictions(self) -> Finding | None:
        predict = self._check.predict
        if predict is None:
            return None
        ours, theirs = self._actual.replies.get(_PREDICTIONS), self._expected.replies.get(_PREDICTIONS)
        facts: dict[str, Fact] = {"name": predict.name}
        if isinstance(ours, ModuleReply) and ours.error is not None and self._can_be_called():
            return Finding(verdict=Verdict.NEEDS_REVIEW, code="training.predict_not_a_module", facts=facts)
        fault = predict.find_fault(ours, theirs)
        if fault is None:
            return None
        if fault.code == "no_expected":
            return Finding(verdict=Verdict.NEEDS_REVIEW, code="training.no_expected", facts={"name": predict.name})
        if fault.code == "predict_missing":
            return self._missing(predict.name, code="predict_missing")
        verdict = Verdict.MALFORMED if fault.is_malformed else Verdict.FAILED
        facts = {"name": predict.name, **fault.facts}
        return Finding(verdict=verdict, code=f"training.{fault.code}", facts=facts)

    def _can_be_called(self) -> bool:
        value = _value(self._actual, self._plan.callable)
        return isinstance(value, ScalarValue) and value.value is True

    def _find_in_updates(self) -> Finding | None:
        wanted, loop = self._check.optimizer, self._loop
        if wanted is None:
            return None
        used = {name for name, _ in self._optimizers()} | loop.optimizers
        if wanted == _BY_HAND:
            return self._find_in_hand_made(loop.optimizers)
        if loop.has_own_optimizer:
            return Finding(verdict=Verdict.NEEDS_REVIEW, code="training.own_optimizer")
        facts: dict[str, Fact] = {"wanted": wanted, "found": ", ".join(sorted(used))}
        if not used:
            return _failed("no_optimizer", facts=facts)
        if wanted not in (_ANY, *used):
            return _failed("other_optimizer", facts=facts)
        if not loop.has_step:
            return _failed("never_stepped", facts=facts)
        if self._holds_nothing():
            return _failed("other_parameters", facts=facts)
        idle = [name for name, kept in self._optimizers() if name not in _STATELESS and not kept]
        if idle and len(idle) == len(self._optimizers()):
            return _failed("never_stepped" if loop.has_backward else "no_backward", facts=facts)
        return _failed("not_zeroed", facts=facts) if self._never_zeroes() else None

    def _find_in_hand_made(self, used: frozenset[str]) -> Finding | None:
        if used:
            return _failed("optimizer_used", facts={"found": ", ".join(sorted(used))})
        if self._never_zeroes():
            return _failed("not_zeroed", facts={})
        if not self._loop.updates_by_hand:
            return Finding(verdict=Verdict.NEEDS_REVIEW, code="training.no_update_found")
        return None

    def _optimizers(self) -> list[tuple[str, int]]:
        """Class and number of parameters with a state, of every optimizer in the kernel."""
        return [(str(name), int(kept)) for name, kept in _rows(_value(self._actual, _OPTIMIZERS))]

    def _holds_nothing(self) -> bool:
        """Whether there are optimizers in the kernel and none of them holds a parameter of the model."""
        held = self._plan.held
        numbers = None if held is None else _numbers(_value(self._actual, held))
        return numbers is not None and numbers.size > 0 and not numbers.any()

    def _missing(self, name: str, *, code: str) -> Finding:
        facts: dict[str, Fact] = {"name": name}
        for run in self._actual.cell_runs:
            if run.state is CellState.RAISED and run.error is not None:
                facts |= {"cell": run.index + 1, "error": run.error.name[:80]}
                return Finding(verdict=Verdict.MISSING, code="training.missing_after_error", facts=facts)
        return Finding(verdict=Verdict.MISSING, code=f"training.{code}", facts=facts)


def _urgency(fault: Finding) -> int:
    """What is missing is told first; what only a person can tell is told where nothing else is wrong."""
    return 2 if fault.verdict.is_pending else int(fault.verdict is not Verdict.MISSING)


def _failed(code: str, *, facts: Mapping[str, Fact]) -> Finding:
    return Finding(verdict=Verdict.FAILED, code=f"training.{code}", facts=facts)


def _value(evidence: Evidence, name: str) -> Value | None:
    reply = evidence.replies.get(_NAMES)
    return reply.values.get(name) if isinstance(reply, NamesReply) else None


def _numbers(value: Value | None) -> Array | None:
    """The numbers of a parameter in double precision; None where it has none."""
    numbers = None if value is None else find_numbers(value)
    return None if numbers is None or numbers.dtype.kind == "c" else np.asarray(numbers, dtype=np.float64)


def _rows(value: Value | None) -> Iterator[tuple[object, int]]:
    for item in value.items if isinstance(value, SequenceValue) else ():
        parts = item.items if isinstance(item, SequenceValue) else ()
        if len(parts) == 2 and isinstance(parts[0], ScalarValue) and isinstance(parts[1], ScalarValue):
            count = parts[1].value
            yield parts[0].value, count if isinstance(count, int) else 0
