"""Cells as an .ipynb file: what we write for authors and students, readable in Colab and Jupyter alike."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from grader.domain.notebook import CellKind


@dataclass(frozen=True, kw_only=True)
class WrittenCell:
    """A cell to write."""

    kind: CellKind
    source: str


def as_ipynb(cells: Sequence[WrittenCell]) -> bytes:
    """Write a notebook of nbformat 4.5 with a Python kernel and no outputs; the same cells give the same bytes."""
    written: list[dict[str, object]] = [
        {
            "cell_type": cell.kind.value,
            "id": f"cell-{number}",
            "metadata": {},
            **({"execution_count": None, "outputs": []} if cell.kind is CellKind.CODE else {}),
            "source": cell.source.splitlines(keepends=True),
        }
        for number, cell in enumerate(cells, start=1)
    ]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    notebook = {"cells": written, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    return (json.dumps(notebook, ensure_ascii=False, indent=1) + "\n").encode()
