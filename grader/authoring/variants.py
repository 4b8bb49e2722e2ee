"""The reference as other people would have written it: every variant deserves full points."""

import ast
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from grader.authoring.mutants_text import Code, Edit, called_name
from grader.authoring.variants_names import rename_variables
from grader.authoring.variants_order import reorder_answers
from grader.domain.ids import QuestionId
from grader.domain.location import Location
from grader.domain.notebook import CellKind, Notebook
from grader.notebook.magics import plain_python

REORDERED = "reordered"


@dataclass(frozen=True, kw_only=True)
class Variant:
    """`name` is a word of ours: 'renamed', `REORDERED`, 'respelled'."""

    name: str
    notebook: Notebook


def make_variants(
    reference: Notebook,
    *,
    location: Location,
    named: Collection[str],
    asked: Mapping[QuestionId, Collection[str]],
    respelled: Collection[QuestionId],
) -> tuple[Variant, ...]:
    """Write the reference in other ways that mean the same; a way that would change nothing gives no variant.

    Args:
        reference: the author's solution.
        location: where it answers each question.
        named: what checks name, which therefore keeps its name.
        asked: what the checks of each question name.
        respelled: questions whose output may come from `print` or from a cell's last value.
    """
    cells = {question_id: answer.code_cells for question_id, answer in location.answers.items()}
    ways: Mapping[str, Callable[[], Notebook]] = {
        "renamed": lambda: _rename(reference, kept=named),
        REORDERED: lambda: reorder_answers(reference, location=location, asked=asked),
        "respelled": lambda: _respell(reference, [index for each in respelled for index in cells[each]]),
    }
    written = ((name, make()) for name, make in ways.items())
    return tuple(Variant(name=name, notebook=notebook) for name, notebook in written if notebook != reference)


def _rename(reference: Notebook, *, kept: Collection[str]) -> Notebook:
    sources = {cell.index: plain_python(cell.source) for cell in reference.code_cells}
    renamed = rename_variables([sources[index] for index in sorted(sources)], kept=kept)
    return _with_sources(reference, dict(zip(sorted(sources), renamed, strict=True)))


def _respell(reference: Notebook, indexes: Sequence[int]) -> Notebook:
    """`print(x)` at the end of a cell becomes `x`, and a last `x` becomes `print(x)`."""
    changed = {}
    for index in indexes:
        cell = reference.cells[index]
        code = Code.find(cell.source) if cell.kind is CellKind.CODE else None
        edit = _respelled(code) if code is not None else None
        if code is not None and edit is not None:
            changed[index] = code.apply([edit])
    return _with_sources(reference, changed)


def _respelled(code: Code) -> Edit | None:
    last = code.tree.body[-1] if code.tree.body else None
    if not isinstance(last, ast.Expr) or code.source.rstrip().endswith(";"):
        return None
    value = last.value
    if isinstance(value, ast.Call) and called_name(value) == "print":
        if len(value.args) != 1 or value.keywords or _is_text(value.args[0]):
            return None
        return code.replace(last, code.text(value.args[0]))
    if _is_text(value) or isinstance(value, ast.Call | ast.Await):
        return None  # a call may be a step that shows nothing
    return code.replace(last, f"print({code.text(value)})")


def _is_text(node: ast.expr) -> bool:
    """Shown in quotes by the one way only, or unpacked."""
    is_string = isinstance(node, ast.JoinedStr | ast.Starred) or (
        isinstance(node, ast.Constant) and isinstance(node.value, str | type(None))
    )
    return is_string or (isinstance(node, ast.BinOp) and (_is_text(node.left) or _is_text(node.right)))


def _with_sources(notebook: Notebook, sources: Mapping[int, str]) -> Notebook:
    cells = [replace(cell, source=sources.get(cell.index, cell.source)) for cell in notebook.cells]
    return replace(notebook, cells=tuple(cells))
