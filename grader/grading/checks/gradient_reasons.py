"""Why there is no gradient to compare: what raised, what was never called, what kept `.grad` at None."""

import ast
from collections.abc import Mapping

from grader.domain.execution import CellState, Evidence
from grader.domain.python import walk
from grader.domain.result import Finding, Verdict
from grader.domain.text import Fact
from grader.domain.values import ArrayValue, MappingValue, Value
from grader.grading.autograd.follow import Provenance
from grader.grading.autograd.traces import Doubt
from grader.grading.checks.gradient_candidates import values_of
from grader.grading.difference import number_fact, type_word
from grader.grading.syntax import mentioned_names, parse_leniently

_ERRORS: Mapping[str, str] = {
    "does not require grad": "gradient.not_required",
    "Only Tensors of floating point": "gradient.int_tensor",
    "only Tensors of floating point": "gradient.int_tensor",
    "implicitly created only for scalar": "gradient.not_scalar",
    "backward through the graph a second time": "gradient.twice",
    "leaf Variable that requires grad is being used in an in-place": "gradient.leaf_in_place",
    "modified by an inplace operation": "gradient.changed_in_place",
    "appears to not have been used in the graph": "gradient.unused",
    "Can't call numpy() on Tensor that requires grad": "gradient.numpy",
}
"""Codes for what torch says when a derivative cannot be had, by a piece of its message."""
_CUTS = frozenset({"detach", "detach_", "item", "tolist", "numpy", "no_grad", "inference_mode", "data"})
"""Behind these autograd no longer knows where a number came from."""


def find_error(actual: Evidence) -> Finding | None:
    """What stopped the question's cells, where something did."""
    for run in actual.cell_runs:
        if run.state is CellState.RAISED and run.error is not None:
            error = run.error
            code = next((code for piece, code in _ERRORS.items() if piece in error.message), "gradient.raised")
            facts: dict[str, Fact] = {"cell": run.index + 1, "error": error.name[:80]}
            return Finding(verdict=Verdict.FAILED, code=code, facts=facts)
    return None


def leave_open(provenance: Provenance) -> Finding:
    """A person decides what the source does not settle."""
    doubts = sorted(doubt.value for doubt in provenance.doubts)
    code = "gradient.doubtful" if doubts else "gradient.unclear"
    return Finding(verdict=Verdict.NEEDS_REVIEW, code=code, facts={"doubts": ", ".join(doubts)} if doubts else {})


def judge_without_call(
    actual: Evidence, provenance: Provenance, *, has_right: bool, at: float | None = None
) -> Finding:
    """No public autograd call is reached from the question's cells."""
    if Doubt.DYNAMIC in provenance.doubts or not provenance.is_complete:
        return leave_open(provenance)
    if Doubt.ASSIGNED_GRAD in provenance.doubts:
        return Finding(verdict=Verdict.FAILED, code="gradient.faked")
    if provenance.has_call_before and has_right:
        return Finding(verdict=Verdict.NEEDS_REVIEW, code="gradient.elsewhere")
    error = find_error(actual)
    if error is not None:
        return error
    known = values_of(actual)
    tree = parse_leniently(actual.source)
    values = [known[name] for name in mentioned_names(tree) if name in known]
    modules = [value for name, value in known.items() if isinstance(value, MappingValue) and not name.isidentifier()]
    if modules or any(isinstance(value, ArrayValue) and value.requires_grad for value in values):
        return Finding(verdict=Verdict.FAILED, code="gradient.no_backward")
    if not tree.body or not (values or actual.outputs):
        where: Fact = None if at is None else number_fact(int(at) if at == int(at) else at)
        return Finding(verdict=Verdict.MISSING, code="gradient.missing", facts={"at": where})
    return Finding(verdict=Verdict.FAILED, code="gradient.no_autograd")


def why_none(name: str, value: Value, *, source: str) -> Finding:
    """What kept the `.grad` of a variable at None."""
    facts: dict[str, Fact] = {"name": name}
    if not isinstance(value, ArrayValue):
        return Finding(verdict=Verdict.MALFORMED, code="gradient.not_tensor", facts=facts | {"type": type_word(value)})
    return Finding(verdict=Verdict.FAILED, code=_cause_of_none(value, source), facts=facts)


def _cause_of_none(value: ArrayValue, source: str) -> str:
    if value.dtype.startswith(("int", "uint", "bool")):
        return "gradient.int_tensor"
    if not value.is_leaf:
        return "gradient.not_leaf"
    if not value.requires_grad:
        return "gradient.not_required"
    nodes = list(walk(parse_leniently(source)))
    if any(_takes_away(node) for node in nodes):
        return "gradient.none_zeroed"
    if any(_name_in(node) in _CUTS for node in nodes):
        return "gradient.none_cut"
    return "gradient.none"


def _takes_away(node: ast.AST) -> bool:
    """`optimizer.zero_grad()` and `w.grad = None` leave None."""
    if isinstance(node, ast.Call):
        return _name_in(node.func) == "zero_grad"
    if not isinstance(node, ast.Assign):
        return False
    is_none = isinstance(node.value, ast.Constant) and node.value.value is None
    return is_none and any(isinstance(target, ast.Attribute) and target.attr == "grad" for target in node.targets)


def _name_in(node: ast.AST) -> str | None:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else None
