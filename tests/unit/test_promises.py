"""Promises about the whole code base that no single module can keep."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODULES = sorted((ROOT / "grader").rglob("*.py"))
UNPICKLERS = {"pickle", "_pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve"}
UNPICKLING_CALLS = {("torch", "load"), ("numpy", "load"), ("np", "load"), ("yaml", "load"), ("yaml", "unsafe_load")}


def offences(tree: ast.AST):
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] in UNPICKLERS)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in UNPICKLERS:
            yield node.module
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner = node.func.value.id if isinstance(node.func.value, ast.Name) else ""
            if (owner, node.func.attr) in UNPICKLING_CALLS:
                yield f"{owner}.{node.func.attr}"
        elif isinstance(node, ast.keyword) and node.arg == "allow_pickle":
            yield "allow_pickle"


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_is_unpickled(module):
    assert list(offences(ast.parse(module.read_text(encoding="utf-8")))) == []


@pytest.mark.parametrize(
    "source",
    ["import pickle", "from dill import loads", "import torch\ntorch.load('x')", "np.load('x', allow_pickle=True)"],
)
def test_the_search_finds_what_it_looks_for(source):
    assert list(offences(ast.parse(source)))


@pytest.mark.parametrize("module", ["grader.web.app", "grader.wiring", "grader.cli.app"])
def test_the_web_process_and_the_commands_start_without_torch(module):
    program = f"import sys, {module}\nprint([name for name in ('torch', 'nbclient', 'IPython') if name in sys.modules])"

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)

    assert done.stdout.strip() == "[]"
