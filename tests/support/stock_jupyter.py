"""An ordinary Jupyter kernel of the students' environment, with nothing around it: what ours is held against."""

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import nbformat
from nbclient import NotebookClient

KERNEL_NAME = "students"


@contextmanager
def stock_kernel(folder: Path, *, kernel_python: Path, arguments: Sequence[str] = ()) -> Iterator[None]:
    """Make Jupyter know the students' environment as a kernel; what it keeps lies in this folder."""
    spec = folder / "kernels" / KERNEL_NAME
    spec.mkdir(parents=True)
    argv = [str(kernel_python), "-m", "ipykernel_launcher", "-f", "{connection_file}", *arguments]
    described = {"argv": argv, "display_name": KERNEL_NAME, "language": "python"}
    (spec / "kernel.json").write_text(json.dumps(described))
    kept = {name: os.environ.get(name) for name in ("JUPYTER_PATH", "IPYTHONDIR", "PYTHONDONTWRITEBYTECODE")}
    os.environ |= {"JUPYTER_PATH": str(folder), "IPYTHONDIR": str(folder / "ipython"), "PYTHONDONTWRITEBYTECODE": ""}
    try:
        yield
    finally:
        for name, value in kept.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def run_plainly(data: bytes, *, folder: Path | None = None) -> nbformat.NotebookNode:
    """Execute a notebook as `jupyter execute --allow-errors` does, in this folder; within `stock_kernel`."""
    notebook = nbformat.reads(data.decode(), as_version=4)
    resources = {"metadata": {"path": str(folder)}} if folder else {}
    client = NotebookClient(notebook, kernel_name=KERNEL_NAME, allow_errors=True, timeout=120, resources=resources)
    client.execute()
    return notebook
