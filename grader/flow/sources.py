"""A notebook's code as plain Python, by cell and joined."""

from collections.abc import Mapping, Sequence

from grader.domain.notebook import Notebook
from grader.notebook.magics import plain_python


def plain_sources(notebook: Notebook) -> Mapping[int, str]:
    """Each code cell as plain Python, by cell index."""
    return {cell.index: plain_python(cell.source) for cell in notebook.code_cells}


def joined(sources: Mapping[int, str], indexes: Sequence[int]) -> str:
    return "\n".join(sources[index] for index in indexes)


def until(sources: Mapping[int, str], code_cells: Sequence[int]) -> str:
    """All code up to the last of these cells: what has run when their probe is asked."""
    last = max(code_cells, default=-1)
    return joined(sources, [index for index in sorted(sources) if index <= last])
