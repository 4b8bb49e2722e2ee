"""Functions that must do without the rest of the notebook: they are asked in a fresh kernel that has only definitions.

What a notebook defines, imports and names as constants is taken from its code by syntax tree and runs there, nothing
else. Where an answer fails only for want of a name that its notebook has, a person looks: it may be a constant.
"""

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from grader.domain.assignment import Assignment, Question
from grader.domain.execution import QuestionPlan
from grader.domain.notebook import Cell, CellKind, Notebook
from grader.domain.probe import Probe
from grader.domain.python import parse_python
from grader.domain.values import CallReply, CallsReply, ModuleReply, Reply
from grader.flow.ports import Runner

ALONE = "alone/"
"""The keys of replies from the fresh kernel begin with it, so that a run can keep both."""

_WANTED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)


@dataclass(frozen=True, kw_only=True)
class AskedAlone:
    """One question's probes for the fresh kernel, and the notebook's cells whose definitions it has there."""

    question: Question
    code_cells: tuple[int, ...]
    probes: tuple[Probe, ...]


def ask_alone(
    asked: Sequence[AskedAlone], *, assignment: Assignment, sources: Mapping[int, str], runner: Runner
) -> Mapping[str, Reply]:
    """Ask all of them in one fresh kernel, each when the definitions up to its own end are there.

    Args:
        asked: the questions, in any order; without any there is no kernel.
        assignment: whose limits and data hold there too.
        sources: each code cell of the notebook as plain Python, by cell index.
        runner: the sandbox.

    Returns:
        The replies, under the probes' keys behind ALONE.

    Raises:
        SandboxUnavailable, SandboxFailed: our failure.
    """
    ordered = sorted((one for one in asked if one.probes and one.code_cells), key=lambda one: max(one.code_cells))
    if not ordered:
        return {}
    cells: list[str] = []
    plan: list[QuestionPlan] = []
    done = -1
    for one in ordered:
        last = max(one.code_cells)
        cells += filter(None, (definitions(sources[index]) for index in sorted(sources) if done < index <= last))
        done = last
        cells.append("pass")  # the probes need a cell of their question's own to stand behind
        probes = tuple(replace(probe, key=ALONE + probe.key) for probe in one.probes)
        plan.append(QuestionPlan(question_id=one.question.question_id, code_cells=(len(cells) - 1,), probes=probes))
    notebook = Notebook(
        cells=tuple(
            Cell(index=index, kind=CellKind.CODE, source=source, cell_id=f"alone-{index}")
            for index, source in enumerate(cells)
        )
    )
    return runner.run(notebook, plan=plan, limits=assignment.limits, files=assignment.files).replies


def definitions(source: str) -> str:
    """The top-level functions, classes, imports, lambdas and constants of a source; '' where there are none."""
    tree = parse_python(source)
    if tree is None:
        return ""
    return "\n".join(_text(source, statement) for statement in tree.body if _is_definition(statement))


def needs_the_notebook(*, alone: Mapping[str, Reply], here: Mapping[str, Reply]) -> bool:
    """Did something fail for want of a name in the fresh kernel that went well in the student's own?

    Args:
        alone: a check's replies from the fresh kernel.
        here: the same probes' replies from the student's kernel.
    """
    return any(_misses_name(reply, here.get(key)) for key, reply in alone.items())


def _misses_name(alone: Reply, here: Reply | None) -> bool:
    if not isinstance(alone, CallsReply | ModuleReply) or not isinstance(here, CallsReply | ModuleReply):
        return False
    if alone.name is None and here.name is not None:
        return True
    if isinstance(alone, ModuleReply) and isinstance(here, ModuleReply) and _is_name_error(alone.error):
        return here.error is None
    return any(
        _is_name_error(one.error) and other.error is None
        for one, other in zip(_calls(alone), _calls(here), strict=False)
    )


def _calls(reply: CallsReply | ModuleReply) -> list[CallReply]:
    if isinstance(reply, CallsReply):
        return list(reply.calls)
    return [call for calls in reply.calls.values() for call in calls]


def _is_name_error(error: str | None) -> bool:
    return error in ("NameError", "UnboundLocalError")


def _is_definition(statement: ast.stmt) -> bool:
    if isinstance(statement, _WANTED):
        return True
    if isinstance(statement, ast.Assign):
        names, value = statement.targets, statement.value
    elif isinstance(statement, ast.AnnAssign) and statement.value is not None:
        names, value = [statement.target], statement.value
    else:
        return False
    are_names = all(isinstance(node, ast.Name) for target in names for node in _parts(target))
    return are_names and (isinstance(value, ast.Lambda) or _is_literal(value))


def _parts(target: ast.expr) -> Iterator[ast.expr]:
    if isinstance(target, ast.Tuple | ast.List):
        for element in target.elts:
            yield from _parts(element)
    else:
        yield target


def _is_literal(value: ast.expr) -> bool:
    try:
        ast.literal_eval(value)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return False
    return True


def _text(source: str, statement: ast.stmt) -> str:
    """The statement as it was written, decorators included: lines of errors are counted from its `def`."""
    decorators = getattr(statement, "decorator_list", [])
    if decorators:
        return "\n".join(source.splitlines()[decorators[0].lineno - 1 : statement.end_lineno])
    return ast.get_source_segment(source, statement) or ""
