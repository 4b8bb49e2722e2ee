"""A batch of notebooks with one command: `grader grade` beside `nbgrader autograde` and otter-grader's API.

    .venv/bin/python benchmarks/peers.py [--notebooks N]

The others have environments of their own, made once in the user's cache folder. They compare three values of homework 8
and isolate nothing; ours starts its sandbox, runs the reference, and grades, all in the time that is counted.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import nbformat
from places import KERNEL_PYTHON, ROOT, timed, usual_notebooks
from rows import Row, print_table
from stock_jupyter import KERNEL_NAME, stock_kernel

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "autograd-grader-benchmarks"
NBGRADER = ["nbgrader==0.9.6"]
TORCH_INDEX = os.environ.get("TORCH_INDEX")
"""Where torch comes from, as `make bench TORCH_INDEX=...` sets it; else from where pip looks anyhow."""
OTTER = [
    *(("--extra-index-url", TORCH_INDEX) if TORCH_INDEX else ()),
    *("otter-grader==7.0.0", "ipykernel", "torch", "numpy"),
]
PINNED = ("torch==", "numpy==")
"""Taken from the kernels' constraints, so that nobody ever resolves another torch."""
CHECKS = {
    "tuple(t.shape)": "(4, 3, 2)",
    "t[0, 0].tolist()": "[1, 2]",
    "float(f(1))": "-12.0",
}
OTTER_SCRIPT = """
import sys
from otter.api import grade_submission
for path in sys.argv[2:]:
    grade_submission(path, sys.argv[1], quiet=True)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--notebooks", type=int, default=20)
    print_table(measure(notebooks=parser.parse_args().notebooks))


def measure(*, notebooks: int) -> list[Row]:
    """Seconds a submission of ours, beside each of the others."""
    submitted = usual_notebooks(notebooks)
    seconds = {}
    for name, grade in GRADERS.items():
        with tempfile.TemporaryDirectory() as folder:
            seconds[name] = grade(Path(folder), submitted) / notebooks
    own_s = seconds.pop("grader")
    what = f"grader grade, a batch of {notebooks}"
    return [Row(name=what, value=own_s, unit="s each", baseline=other, beside=name) for name, other in seconds.items()]


def environment(name: str, packages: list[str]) -> Path:
    """The `bin` of a virtual environment with these packages, made when it is first asked for.

    Args:
        name: of the folder in the cache.
        packages: and options of pip.
    """
    folder = CACHE / name
    done = folder / "done"
    if not done.exists() or done.read_text() != repr(packages):
        print(f"setting up {name} in {folder} (once; minutes)", flush=True)
        lines = (ROOT / "constraints-kernel.txt").read_text().splitlines()
        folder.mkdir(parents=True, exist_ok=True)
        constraints = folder / "constraints.txt"
        constraints.write_text("\n".join(line for line in lines if line.startswith(PINNED)) + "\n")
        base = Path(sys.base_prefix) / "bin" / "python3"
        subprocess.run([base, "-m", "venv", "--clear", folder / "venv"], check=True)
        install = [folder / "venv" / "bin" / "python", "-m", "pip", "install", "--quiet", *packages]
        subprocess.run(install, check=True, env=os.environ | {"PIP_CONSTRAINT": str(constraints)})
        done.write_text(repr(packages))
    return folder / "venv" / "bin"


def grade_with_us(folder: Path, submitted: list[bytes]) -> float:
    paths = [folder / f"student{number}.ipynb" for number in range(len(submitted))]
    for path, data in zip(paths, submitted, strict=True):
        path.write_bytes(data)
    command = [sys.executable, "-m", "grader", "grade", "--json", "-a", "torch-tensor", *paths]
    return timed(lambda: run(*command, folder=folder))


def grade_with_nbgrader(folder: Path, submitted: list[bytes]) -> float:
    """One `nbgrader autograde` of all of them; students' code runs in the same environment as with us."""
    programs = environment("nbgrader", NBGRADER)
    (folder / "nbgrader_config.py").write_text("c = get_config()\nc.CourseDirectory.course_id = 'benchmark'\n")
    tests = [test_cell(number, line, value) for number, (line, value) in enumerate(CHECKS.items())]
    write(folder / "source" / "hw8" / "hw8.ipynb", nbformat.v4.new_notebook(cells=tests), kernel=KERNEL_NAME)
    for number, data in enumerate(submitted):
        notebook = nbformat.reads(data.decode(), as_version=4)
        notebook.cells += tests
        write(folder / "submitted" / f"student{number}" / "hw8" / "hw8.ipynb", notebook, kernel=KERNEL_NAME)
    with stock_kernel(folder / "jupyter", kernel_python=KERNEL_PYTHON):
        run(programs / "nbgrader", "generate_assignment", "hw8", "--create", folder=folder)
        seconds = timed(lambda: run(programs / "nbgrader", "autograde", "hw8", "--create", folder=folder))
    graded = list((folder / "autograded").glob("*/hw8/hw8.ipynb"))
    assert len(graded) == len(submitted), f"nbgrader graded {len(graded)} of {len(submitted)}"
    return seconds


def test_cell(number: int, line: str, value: str) -> nbformat.NotebookNode:
    described = {"grade": True, "solution": False, "locked": True, "schema_version": 3, "points": 10}
    metadata = {"nbgrader": described | {"grade_id": f"test{number}", "cell_type": "code", "task": False}}
    return nbformat.v4.new_code_cell(f"assert {line} == {value}", metadata=metadata)


def grade_with_otter(folder: Path, submitted: list[bytes]) -> float:
    """One process that grades all of them; students' code runs in otter's own environment."""
    programs = environment("otter", OTTER)
    for number, (line, value) in enumerate(CHECKS.items()):
        case = {"code": f">>> {line}\n{value}", "hidden": False}
        test = {"name": f"q{number}", "points": 10, "suites": [{"cases": [case], "type": "doctest"}]}
        place = folder / "tests" / f"q{number}.py"
        place.parent.mkdir(exist_ok=True)
        place.write_text(f"OK_FORMAT = True\ntest = {test!r}\n")
    run(programs / "otter", "generate", "-t", "tests", "-o", "autograder.zip", "--no-environment", folder=folder)
    paths = []
    for number, data in enumerate(submitted):
        paths.append(folder / f"student{number}.ipynb")
        write(paths[-1], nbformat.reads(data.decode(), as_version=4), kernel="python3")
    command = [programs / "python", "-c", OTTER_SCRIPT, "autograder.zip", *paths]
    return timed(lambda: run(*command, folder=folder))


def write(path: Path, notebook: nbformat.NotebookNode, *, kernel: str) -> None:
    """As every front end writes it: with ids, and a kernel that is there."""
    notebook.metadata = {"kernelspec": {"name": kernel, "display_name": kernel, "language": "python"}}
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{number}"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(notebook))


def run(*command: str | Path, folder: Path) -> None:
    path = f"{Path(command[0]).parent}{os.pathsep}{os.environ['PATH']}"
    variables = os.environ | {"PATH": path, "HOME": str(folder)}
    finished = subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, f"{command}: {finished.stdout[-2000:]}{finished.stderr[-2000:]}"


GRADERS = {"grader": grade_with_us, "nbgrader 0.9.6": grade_with_nbgrader, "otter-grader 7.0.0": grade_with_otter}

if __name__ == "__main__":
    main()
