"""What a cell's reply says: success, the error and its line, a missing package, a missing GPU.

Read from the kernel's reply and never from a cell's outputs: a notebook can print anything, and an unknown magic or a
replaced traceback printer leaves no error output at all.
"""

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from grader.domain.execution import CellError
from grader.domain.python import parse_python
from grader.notebook.magics import plain_python
from grader.sandbox.outputs import plain_text

_MESSAGE_MAX_CHARACTERS: Final = 2000
_TRACEBACK_MAX_CHARACTERS: Final = 200_000
_PARSED_MAX_CHARACTERS: Final = 200_000
"""A syntax tree is a hundred times as large as its source."""
_MISSING: Final = re.compile(r"No module named '([^'.]{1,100})'")
"""A dotted name means that the package is there and the module in it is not: the student's mistake."""
_TEMPORARY_FILE: Final = re.compile(r" \((?:<[^<>\n]{1,100}>|\d{1,20}\.py), line \d{1,6}\)$")
"""How a SyntaxError ends: with the name that IPython gave the cell, which tells nobody anything."""
_PROMPT: Final = re.compile(r"[ \t]*(?:>>> )?")
_NEEDS_CUDA: Final = (
    "not compiled with CUDA enabled",
    "Found no NVIDIA driver",
    "No CUDA GPUs are available",
    "torch.cuda.is_available() is False",
    "no CUDA-capable device is detected",
    "Cannot access accelerator device when none is available",
)


@dataclass(frozen=True, kw_only=True)
class MissingImport:
    """An import at a cell's top level that failed, and the cell without what has run already."""

    package: str
    rest: str | None
    """The statements after it, on the lines where they were; None when nothing is left."""


def read_error(reply: Mapping[str, Any]) -> CellError | None:
    """Give the exception that ended the cell; None when it ran through."""
    if reply["status"] == "ok":
        return None
    message = _TEMPORARY_FILE.sub("", plain_text(reply["evalue"][:_MESSAGE_MAX_CHARACTERS]))
    name = "".join(filter(str.isprintable, plain_text(reply["ename"])))
    return CellError(name=name, message=message, line=_raised_line(reply))


def needs_cuda(error: CellError) -> bool:
    return any(words in error.message for words in _NEEDS_CUDA)


def find_missing_import(error: CellError, *, source: str) -> MissingImport | None:
    """Recognise a cell that stopped at an import of a package that kernels lack."""
    match = _MISSING.fullmatch(error.message)
    if error.name != "ModuleNotFoundError" or match is None or len(source) > _PARSED_MAX_CHARACTERS:
        return None
    plain = plain_python(source)
    tree = parse_python(plain)
    if tree is None:
        return None
    statements = tree.body
    statement = _failed_import(statements, error=error, package=match[1])
    if statement is None:
        return None
    rest = _rest(statement, match[1], source, plain, is_last=statement is statements[-1])
    return MissingImport(package=match[1], rest=rest)


def _failed_import(statements: list[ast.stmt], *, error: CellError, package: str) -> ast.Import | ast.ImportFrom | None:
    imports = [one for one in statements if isinstance(one, ast.Import | ast.ImportFrom)]
    if error.line is not None:
        imports = [one for one in imports if one.lineno <= error.line <= (one.end_lineno or one.lineno)]
    named = [one for one in imports if package in _roots(one)]
    if named or error.line is None:
        return named[0] if named else None
    return imports[-1] if imports else None  # a package that is there needs one that is not


def _roots(statement: ast.Import | ast.ImportFrom) -> list[str]:
    if isinstance(statement, ast.ImportFrom):
        return [statement.module.split(".")[0]] if statement.module and not statement.level else []
    return [alias.name.split(".")[0] for alias in statement.names]


def _rest(
    statement: ast.Import | ast.ImportFrom, package: str, source: str, plain: str, *, is_last: bool
) -> str | None:
    """Take out what has run: comments stand for its lines, so that later errors name the right ones."""
    waiting = _names_after(statement, package)
    if is_last and not waiting:
        return None
    last = (statement.end_lineno or statement.lineno) - 1
    behind = plain.split("\n")[last].encode()[statement.end_col_offset or 0 :].decode().lstrip("; \t")
    lines = source.replace("\r\n", "\n").split("\n")
    start = _PROMPT.match(next((line for line in lines if line.strip()), ""))
    prefix = start[0] if start else ""
    again = f"import {', '.join(waiting)}; " if waiting else ""
    return "\n".join([*[prefix + "#"] * last, prefix + (again + behind or "#"), *lines[last + 1 :]])


def _names_after(statement: ast.Import | ast.ImportFrom, package: str) -> list[str]:
    """In `import a, b, c` a failing b takes c with it."""
    if isinstance(statement, ast.ImportFrom):
        return []
    place = next((n for n, root in enumerate(_roots(statement)) if root == package), len(statement.names))
    return [ast.unparse(alias) for alias in statement.names[place + 1 :]]


def _raised_line(reply: Mapping[str, Any]) -> int | None:
    """Find the deepest line of this cell in the traceback, which names its frames `Cell In[n], line m`."""
    text = plain_text("\n".join(reply["traceback"])[-_TRACEBACK_MAX_CHARACTERS:])
    frames = re.findall(rf"Cell In\[{reply['execution_count']}\], line (\d{{1,6}})", text)
    return int(frames[-1]) if frames else None
