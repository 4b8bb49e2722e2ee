"""Outputs that the student's own file shows beside those of our run: other numbers there are stale."""

import ast
from collections.abc import Mapping, Sequence
from dataclasses import replace

from grader.domain.execution import CellRun, CellState
from grader.domain.notebook import SAVED_CHARACTERS
from grader.domain.python import walk
from grader.domain.text import Note
from grader.grading.display import read_shown, text_of
from grader.grading.printed import Container, PrintedNumbers, count_differences
from grader.grading.quiet import without_any_noise
from grader.grading.syntax import parse_leniently

_TOLERANCE = (1e-3, 1e-5)
"""Wide: another machine, or a GPU, rounds otherwise."""
_SHOWN_CHARACTERS = 60
# fmt: off
_RANDOM = frozenset({
    "rand", "randn", "randint", "randperm", "rand_like", "randn_like", "randint_like", "normal", "normal_",
    "uniform", "uniform_", "bernoulli", "bernoulli_", "multinomial", "empty", "empty_like", "random", "random_",
    "shuffle", "sample", "choice", "choices", "default_rng", "kaiming_normal_", "kaiming_uniform_",
    "xavier_normal_", "xavier_uniform_", "dropout", "Dropout", "Linear", "LazyLinear", "Conv1d", "Conv2d",
    "Conv3d", "LSTM", "GRU", "RNN", "Embedding", "Transformer", "MultiheadAttention", "DataLoader",
    "RandomSampler", "random_split", "RandomState", "make_blobs", "make_regression", "train_test_split", "time",
    "perf_counter", "time_ns", "process_time", "datetime", "now", "today", "id", "hash", "uuid4", "urandom",
    "getpid",
})
# fmt: on
_MODULES = frozenset({"torch", "np", "numpy", "plt", "nn", "F", "math"})
_SEEDS = frozenset({"manual_seed", "seed", "manual_seed_all", "random_state"})


def compare_saved(
    saved: Mapping[int, str], *, runs: Sequence[CellRun], source: str, notebook_source: str
) -> tuple[Note, ...]:
    """Say where the file shows other numbers than our run of it; at most one note.

    Nothing is said of noise, of words, of numbers that code may have drawn at random, and of cells that raised.

    Args:
        saved: what the file shows, by cell index.
        runs: of one question's cells.
        source: their code, joined.
        notebook_source: all code up to the last of them.
    """
    for run in runs:
        before = saved.get(run.index, "")
        if run.state is not CellState.OK or not before.strip() or len(before) >= SAVED_CHARACTERS:
            continue  # one of that length may be cut in the middle of a number
        pair = _find_difference(before, text_of(run.outputs))
        if pair is not None and not _may_be_random(source, notebook_source):
            return (Note(code="saved.differs", facts={"cell": run.index + 1, "saved": pair[0], "fresh": pair[1]}),)
    return ()


def _find_difference(saved: str, fresh: str) -> tuple[str, str] | None:
    """The first pair of numbers, as they were shown, that cannot be the same; None where there is none."""
    ours, theirs = _numbers(fresh), _numbers(saved)
    if not ours or not theirs:
        return None
    for one, other in zip(ours, theirs, strict=False):
        if one.shape != other.shape:
            return _spell_shape(other), _spell_shape(one)
        expected = replace(one, tolerance=_TOLERANCE)
        if count_differences(actual=other, expected=expected):
            places = range(len(one.elements))
            first = next(place for place in places if _differ_at(other, expected, place))
            return _spell(other, first), _spell(one, first)
        if one.container is other.container is Container.TENSOR and one.dtype != other.dtype:
            return str(other.dtype), str(one.dtype)
    return None


def _numbers(text: str) -> list[PrintedNumbers]:
    return [item for item in read_shown(without_any_noise(text)) if isinstance(item, PrintedNumbers)]


def _differ_at(actual: PrintedNumbers, expected: PrintedNumbers, place: int) -> bool:
    one, other = (
        replace(item, shape=(), elements=item.elements[place : place + 1], slack=item.slack[place : place + 1])
        for item in (actual, expected)
    )
    return count_differences(actual=one, expected=other) > 0


def _spell(item: PrintedNumbers, place: int) -> str:
    number = item.elements[place]
    text = f"{number:.6g}" if isinstance(number, float) else str(number)
    return text[:_SHOWN_CHARACTERS]


def _spell_shape(item: PrintedNumbers) -> str:
    return f"{item.container.value} {item.shape}"[:_SHOWN_CHARACTERS] if item.shape else _spell(item, 0)


def _may_be_random(source: str, notebook_source: str) -> bool:
    """What the code builds on draws something, and nothing sets a seed."""
    try:
        everything = parse_leniently(notebook_source)
        if any(not _names(statement).isdisjoint(_SEEDS) for statement in everything.body):
            return False
        used = frozenset[str]().union(*map(_names, parse_leniently(source).body))
        for statement in reversed(everything.body):
            if not used.isdisjoint(_changed(statement)):
                used |= _names(statement)
    except RecursionError:
        return True
    return not used.isdisjoint(_RANDOM)


def _names(statement: ast.AST) -> frozenset[str]:
    return frozenset(name for node in walk(statement) if (name := _name(node)) is not None)


def _name(node: ast.AST) -> str | None:
    if isinstance(node, ast.Attribute):
        return node.attr
    if isinstance(node, ast.keyword):
        return node.arg
    return node.id if isinstance(node, ast.Name) else None


def _changed(statement: ast.stmt) -> frozenset[str]:
    """Names that a statement binds, or whose things it may change; a module is not changed by calling it."""
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return frozenset()
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return frozenset({statement.name})
    bound = {node.id for node in walk(statement) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    return (
        frozenset(bound)
        | {
            node.value.id
            for node in walk(statement)
            if isinstance(node, ast.Attribute | ast.Subscript) and isinstance(node.value, ast.Name)
        }
        - _MODULES
    )
