"""What a reply says: the error, its line, a package that is missing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.domain.execution import CellError
from grader.sandbox.replies import find_missing_import, needs_cuda, read_error


def reply(name="ValueError", message="bad", traceback=(), count=3):
    return {"status": "error", "ename": name, "evalue": message, "traceback": list(traceback), "execution_count": count}


def missing(package="torchvision", line=None):
    return CellError(name="ModuleNotFoundError", message=f"No module named '{package}'", line=line)


def test_success_has_no_error():
    assert read_error({"status": "ok", "execution_count": 1}) is None


def test_line_is_the_deepest_one_in_this_cell():
    frames = [
        "\x1b[36mCell\x1b[39m\x1b[36m \x1b[39m\x1b[32mIn[3]\x1b[39m\x1b[32m, line 7\x1b[39m",
        "Cell In[2], line 5, in helper()",
        "Cell In[3], line 2, in f()",
        "File /opt/venv/torch/x.py:99",
    ]

    assert read_error(reply(traceback=frames)) == CellError(name="ValueError", message="bad", line=2)


def test_line_of_another_cell_is_not_ours():
    assert read_error(reply(traceback=["Cell In[2], line 5"])).line is None


@pytest.mark.parametrize(
    ("said", "told"),
    [
        pytest.param("'(' was never closed (3446901517.py, line 2)", "'(' was never closed", id="ipykernel's name"),
        pytest.param("invalid syntax (<ipython-input-3-0a1b>, line 1)", "invalid syntax", id="ipython's name"),
        pytest.param("bad number (mine.py, line 3)", "bad number (mine.py, line 3)", id="a file of the student's"),
    ],
)
def test_the_name_that_ipython_gives_a_cell_is_not_told(said, told):
    assert read_error(reply(message=said)).message == told


def test_names_and_messages_can_be_shown():
    error = read_error(reply(name="\x1b[31mBad\x1b]0;x\x07\n\u202eError", message="\x1b[2Jno\nway\x9b0m"))

    assert error is not None
    assert (error.name, error.message) == ("BadError", "no\nway")


def test_long_messages_are_cut():
    assert len(read_error(reply(message="x" * 10**6)).message) <= 2000


@pytest.mark.parametrize(
    ("source", "line", "rest"),
    [
        pytest.param("import torchvision\nx = 1", 1, "#\nx = 1", id="rest keeps its lines"),
        pytest.param("x = 0\nimport torchvision\ny = 1", 2, "#\n#\ny = 1", id="what has run is not run again"),
        pytest.param("import a, torchvision, b as c, d\nx = 1", 1, "import b as c, d; \nx = 1", id="other names"),
        pytest.param("import torchvision; x = 1; y = 2\nz = 3", 1, "x = 1; y = 2\nz = 3", id="same line"),
        pytest.param("from torchvision import (\n    a,\n    b,\n)\nx = 1", 1, "#\n#\n#\n#\nx = 1", id="several lines"),
        pytest.param("  import torchvision\n  x = 1", 1, "  #\n  x = 1", id="indented"),
        pytest.param(">>> import torchvision\n>>> x = 1", 1, ">>> #\n>>> x = 1", id="prompts"),
        pytest.param("%%time\nimport torchvision\n!ls\nx = 1", 2, "#\n#\n!ls\nx = 1", id="magics"),
        pytest.param(
            "s = '漢字'; import torchvision; t = '字'\nx = 1", 1, "t = '字'\nx = 1", id="wide characters before"
        ),
        pytest.param("x = 1\nimport torchvision", 2, None, id="nothing is left"),
    ],
)
def test_rest_of_a_cell_behind_a_missing_import(source, line, rest):
    for told_line in (line, None):
        found = find_missing_import(missing(line=told_line), source=source)
        assert (found.package, found.rest) == ("torchvision", rest)


@pytest.mark.parametrize(
    ("error", "source"),
    [
        pytest.param(missing("torch.nothing", 1), "import torch.nothing", id="part of a package that is there"),
        pytest.param(missing(line=2), "def f():\n    import torchvision\nf()", id="inside a function"),
        pytest.param(missing(line=1), "raise ModuleNotFoundError", id="no import"),
        pytest.param(
            CellError(name="ImportError", message="No module named 'x'", line=1), "import x", id="other error"
        ),
        pytest.param(missing(line=1), "import torchvision\ndef f(:", id="no Python"),
        pytest.param(missing(), "import torch", id="no line and another name"),
    ],
)
def test_anything_else_is_the_students_own_error(error, source):
    assert find_missing_import(error, source=source) is None


def test_package_that_another_one_needs_is_found_by_the_line():
    found = find_missing_import(missing("tensorboard", 2), source="x = 0\nimport torch.utils.tensorboard\ny = 1")

    assert (found.package, found.rest) == ("tensorboard", "#\n#\ny = 1")


@given(st.text(alphabet="import torchvision,;\n xy=1()%!>", max_size=60), st.none() | st.integers(1, 5))
def test_any_source_gives_a_shorter_rest_or_nothing(source, line):
    found = find_missing_import(missing(line=line), source=source)
    if found is not None and found.rest is not None:
        assert found.rest.count("torchvision") < source.count("torchvision") or "," in source


@pytest.mark.parametrize(
    "message",
    [
        "Torch not compiled with CUDA enabled",
        "Found no NVIDIA driver on your system. Please check that you have an NVIDIA GPU",
        "No CUDA GPUs are available",
        "Attempting to deserialize object on a CUDA device but torch.cuda.is_available() is False.",
    ],
)
def test_torch_without_a_gpu_is_recognised(message):
    assert needs_cuda(CellError(name="AssertionError", message=message))
    assert not needs_cuda(CellError(name="AssertionError", message="x must be positive"))
