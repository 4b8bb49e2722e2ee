"""What kernels lack: packages, the network, a keyboard, a GPU."""

import time

import pytest

from grader.domain.execution import CellState, Limits
from grader.domain.probe import TakeNames


def _codes(execution):
    return [(note.code, cell) for note in execution.notes for cell in note.facts["cells"]]


@pytest.mark.parametrize(
    ("source", "package"),
    [
        pytest.param("import torchvision\nx = 1", "torchvision", id="plain"),
        pytest.param("import torch\nfrom torchvision.datasets import MNIST\nx = 1", "torchvision", id="from"),
        pytest.param("import torchvision, math\nx = math.floor(1.5)", "torchvision", id="other names of the statement"),
        pytest.param("import torchvision; x = 1", "torchvision", id="same line"),
        pytest.param(
            "import torchvision\nimport jovian\nimport japanize_matplotlib\nx = 1", "torchvision", id="several"
        ),
        pytest.param("%matplotlib inline\nimport torchvision\n!true\nx = 1", "torchvision", id="magics around it"),
        pytest.param("x = 0\nx += 1\nimport torchvision", "torchvision", id="last statement"),
        pytest.param("x = 0\nimport torch.utils.tensorboard\nx += 1", "tensorboard", id="needed by one that is there"),
        pytest.param("  import torchvision\n  x = 1", "torchvision", id="indented as a whole"),
        pytest.param("try:\n    import torchvision\nexcept ImportError:\n    x = 1", None, id="caught by the student"),
    ],
)
def test_import_that_kernels_lack_does_not_take_the_rest_of_its_cell(source, package, run_cells):
    execution = run_cells(source, questions={"q": (0,)}, probes={"q": (TakeNames(key="k", names=("x",)),)})

    cell = execution.cells[0]
    assert (cell.state, cell.missing_package, cell.error) == (CellState.OK, package, None)
    assert execution.replies["k"].values["x"].value == 1
    if package:
        assert _codes(execution) == [("execution.missing_package", 1)]
        assert execution.notes[0].facts["what"] == package


def test_outputs_of_both_parts_are_joined_and_statements_run_once(run_cells, printed):
    execution = run_cells("print('before')\nimport torchvision\nprint('after')\n'shown'")

    assert printed(execution, 0).startswith("before\n")
    assert printed(execution, 0).count("before\n") == 1
    assert printed(execution, 0).endswith("after\n'shown'")


def test_error_behind_a_missing_import_names_its_line(run_cells):
    cell = run_cells("import torchvision\nx = 1\n1 / 0").cells[0]

    assert (cell.state, cell.error.name, cell.error.line) == (CellState.RAISED, "ZeroDivisionError", 3)
    assert cell.missing_package == "torchvision"


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("import torch.no_such_part\nx = 1", id="part of a package that is there"),
        pytest.param("def f():\n    import torchvision\nf()\nx = 1", id="inside a function"),
        pytest.param("raise ModuleNotFoundError(\"No module named 'torchvision'\")", id="raised by hand"),
    ],
)
def test_other_import_errors_are_the_students(source, run_cells):
    cell = run_cells(source).cells[0]

    assert (cell.state, cell.missing_package) == (CellState.RAISED, None)


@pytest.mark.parametrize("command", ["!pip install jovian", "%pip install jovian", "!pip3 install -q jovian"])
def test_pip_fails_at_once_and_the_student_is_told(command, run_cells):
    since = time.monotonic()
    execution = run_cells(f"{command}\nx = 1")

    assert _codes(execution) == [("execution.pip_refused", 1)]
    assert execution.cells[0].state is CellState.OK
    assert time.monotonic() - since < 20  # it would go on trying for a minute


def test_pip_for_what_is_there_is_no_news(run_cells):
    assert run_cells("!pip install numpy").notes == ()


@pytest.mark.parametrize("source", ["input('name? ')", "import getpass; getpass.getpass()"])
def test_input_is_refused_at_once(source, run_cells):
    execution = run_cells(source, "x = 1", limits=Limits(outside_s=20.0))

    assert execution.cells[0].error.name == "StdinNotImplementedError"
    assert execution.cells[1].state is CellState.OK
    assert _codes(execution) == [("execution.no_input", 1)]


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("torch.ones(2).cuda()", id="tensor.cuda"),
        pytest.param("torch.ones(2, device='cuda')", id="device='cuda'"),
        pytest.param("torch.ones(2).to('cuda:0')", id="to('cuda:0')"),
        pytest.param("torch.nn.Linear(1, 1).cuda()", id="module.cuda"),
        pytest.param("torch.cuda.get_device_name(0)", id="device name"),
    ],
)
def test_cuda_on_a_cpu_needs_a_gpu(source, run_cells):
    execution = run_cells("import torch\n" + source)

    assert execution.cells[0].needs_gpu
    assert _codes(execution) == [("execution.needs_gpu", 1)]


def test_failure_outside_questions_is_told_and_one_inside_is_for_the_checks(run_cells):
    execution = run_cells(
        "import urllib.request\nurllib.request.urlopen('http://example.org')", "1 / 0", questions={"q": (1,)}
    )

    assert _codes(execution) == [("execution.cell_failed_outside", 1)]
