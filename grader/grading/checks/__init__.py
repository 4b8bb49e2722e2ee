"""The kinds of check, one module each, and the registry of them by the name an assignment's file uses."""

from collections.abc import Mapping
from typing import TypeAlias

from grader.grading.checks.figure import FigureCheck
from grader.grading.checks.function import FunctionCheck
from grader.grading.checks.gradient import GradientCheck
from grader.grading.checks.module import ModuleCheck
from grader.grading.checks.output import OutputCheck
from grader.grading.checks.source import SourceCheck
from grader.grading.checks.training import TrainingCheck
from grader.grading.checks.value import ValueCheck
from grader.grading.checks.written import WrittenCheck

AnyCheck: TypeAlias = (
    ValueCheck
    | GradientCheck
    | FunctionCheck
    | ModuleCheck
    | TrainingCheck
    | OutputCheck
    | SourceCheck
    | FigureCheck
    | WrittenCheck
)

KINDS: Mapping[str, type[AnyCheck]] = {
    ValueCheck.kind: ValueCheck,
    GradientCheck.kind: GradientCheck,
    FunctionCheck.kind: FunctionCheck,
    ModuleCheck.kind: ModuleCheck,
    TrainingCheck.kind: TrainingCheck,
    OutputCheck.kind: OutputCheck,
    SourceCheck.kind: SourceCheck,
    FigureCheck.kind: FigureCheck,
    WrittenCheck.kind: WrittenCheck,
}
"""Each class fulfils domain.assignment.CheckLogic, and names in RUNGS what `partial` may."""
