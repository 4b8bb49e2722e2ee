# ruff: noqa: E501 - a cell is one entry of a table
"""What real course notebooks do must work in the cage as it does under Jupyter."""

import pytest

from grader.domain.execution import CellState, Outcome

HONEST = [
    pytest.param(
        """
import torch, torch.nn as nn
model = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 1))
optimizer = torch.optim.Adam(model.parameters(), 1e-2)
x = torch.randn(256, 8); y = x.sum(1, keepdim=True)
for _ in range(60):
    optimizer.zero_grad(); loss = ((model(x) - y) ** 2).mean(); loss.backward(); optimizer.step()
torch.save(model.state_dict(), 'm.pt'); model.load_state_dict(torch.load('m.pt'))
loss.item() < 5""",
        "True",
        id="trains with Adam, saves and loads",
    ),
    pytest.param(
        """
import torch
from torch.utils.data import DataLoader, TensorDataset
torch.set_num_threads(2)
torch.nn.Conv2d(3, 8, 3)(torch.randn(4, 3, 32, 32)).sum().backward()
loader = DataLoader(TensorDataset(torch.arange(64.)), batch_size=8, num_workers=2)
sum(batch[0].sum() for batch in loader).item()""",
        "2016.0",
        id="DataLoader with worker processes, convolution on two threads",
    ),
    pytest.param(
        "import multiprocessing as mp\nwith mp.get_context('fork').Pool(2) as pool: print(pool.map(abs, [-1, -2]))",
        "[1, 2]\n",
        id="multiprocessing pool",
    ),
    pytest.param("!echo from the shell", "from the shell\r\n", id="shell line"),
    pytest.param("import os; status = os.system('echo from os.system')", "from os.system\n", id="os.system"),
    pytest.param(
        "import subprocess, sys\nprint(subprocess.check_output([sys.executable, '-c', 'print(6 * 7)'], text=True))",
        "42\n\n",
        id="subprocess with the same Python",
    ),
    pytest.param("import os\nif os.fork() == 0:\n    print('child'); os._exit(0)\nos.wait();", "child\n", id="fork prints"),
    pytest.param("import asyncio\nawait asyncio.sleep(0)\n5", "5", id="top-level await"),
    pytest.param("%%capture kept\nprint('x')\n", "", id="cell magic"),
    pytest.param("%%writefile mine.py\nanswer = 42", "Writing mine.py\n", id="writefile"),
    pytest.param("from google.colab import drive\ndrive.mount('/content/drive')\n1", None, id="Colab drive"),
    pytest.param("from google.colab import files\nfiles.upload()", None, id="Colab upload"),
    pytest.param("import sys\n'google.colab' in sys.modules", "False", id="not taken for Colab"),
    pytest.param("get_ipython().__class__.__name__, __name__", "('ZMQInteractiveShell', '__main__')", id="is a notebook"),
    pytest.param("import numpy as np, pandas as pd, sklearn, scipy\npd.Series([1, 2]).sum()", "np.int64(3)", id="pandas"),
    pytest.param("from tqdm.auto import tqdm\nsum(tqdm(range(3)))", None, id="tqdm"),
    pytest.param("import ipywidgets\nipywidgets.IntSlider()", None, id="widget"),
    pytest.param("import time, datetime, getpass\ngetpass.getuser()", "'student'", id="user name without /etc/passwd"),
    pytest.param("import warnings\nwarnings.warn('careful')", None, id="warning"),
    pytest.param("print('漢字 é')\n", "漢字 é\n", id="Japanese output"),
    pytest.param("import sys\nsys.stdout = open('log.txt', 'w'); sys.stdout.close()", "", id="closed its own stdout"),
    pytest.param("import random, numpy, torch\nrandom.seed(0); torch.manual_seed(0)\ntorch.rand(1).item() == torch.rand(1).item()", "False", id="seeds"),
]  # fmt: skip


@pytest.mark.parametrize(("source", "text"), HONEST)
def test_honest_cell_runs_as_under_jupyter(source, text, run_cells, printed):
    execution = run_cells(source, "'next'")

    assert execution.outcome is Outcome.COMPLETED
    assert [cell.state for cell in execution.cells] == [CellState.OK, CellState.OK], execution.cells[0].error
    if text is not None:
        assert printed(execution, 0) == text
    assert printed(execution, 1) == "'next'"


def test_what_measures_time_runs_once_unless_it_is_told_how_often(run_cells, printed):
    execution = run_cells(
        "runs = []",
        "%%timeit\nruns.append('cell')",
        "%timeit runs.append('line')",
        "%timeit -n 3 -r 2 runs.append('six times')",
        "print(runs)",
    )

    assert printed(execution, 4) == f"{['cell', 'line', *['six times'] * 6]}\n"
    assert "1 loop each" in printed(execution, 1)
    assert "mean ± std. dev. of 2 runs, 3 loops each" in printed(execution, 3)


def test_japanese_plot_title_is_drawn_without_a_warning(run_cells):
    execution = run_cells(
        "%matplotlib inline\nimport matplotlib.pyplot as plt\n"
        "plt.plot([1, 2]); plt.title('勾配の図', fontweight='bold'); plt.xlabel('回数'); plt.show()",
        "import matplotlib_fontja\nplt.title('漢字'); plt.show()",
    )

    for cell in execution.cells:
        assert cell.state is CellState.OK
        assert [output.kind for output in cell.outputs if output.kind != "result"] == ["display"], cell.outputs
        assert any(output.has_image for output in cell.outputs)


def test_outputs_keep_their_order_and_kind(run_cells):
    execution = run_cells(
        "import sys\nprint('a'); print('b', file=sys.stderr); print('c'); display('d'); 1 / 0",
    )

    outputs = [(output.kind, output.text) for output in execution.cells[0].outputs]
    assert outputs[:4] == [("stdout", "a\n"), ("stderr", "b\n"), ("stdout", "c\n"), ("display", "'d'")]
    assert outputs[4][0] == "error"
    assert outputs[4][1].endswith("ZeroDivisionError: division by zero")


def test_outputs_that_are_too_large_are_left_out_and_the_notebook_goes_on(run_cells, printed):
    execution = run_cells(
        "from IPython.display import HTML\ndisplay(HTML('x' * (7 << 20)))",
        *["display(HTML('y' * (5 << 20)))"] * 5,
        "for i in range(200_000): print('a line')",
        "print('still here')",
    )

    assert execution.outcome is Outcome.COMPLETED
    assert "output cut here" in printed(execution, 0)
    assert "output cut here" in printed(execution, 5)
    assert printed(execution, 7).endswith("still here\n")


def test_cleared_and_updated_outputs_look_as_in_a_notebook(run_cells):
    execution = run_cells(
        "from IPython.display import clear_output\nfor i in range(3):\n    clear_output(wait=True); print(i)",
        "handle = display('old', display_id=True)\nhandle.update('new')",
    )

    assert [output.text for output in execution.cells[0].outputs] == ["2\n"]
    assert [output.text for output in execution.cells[1].outputs] == ["'new'"]


def test_a_cell_that_raises_does_not_stop_the_next_ones(run_cells, printed):
    execution = run_cells("x = 1", "y = x +\n", "print(z)\nprint(1)", "sys.exit()", "exit()", "print(x)")

    states = [cell.state for cell in execution.cells]
    assert states == [CellState.OK, *[CellState.RAISED] * 4, CellState.OK]
    assert [cell.error and cell.error.name for cell in execution.cells] == [
        *(None, "SyntaxError", "NameError", "NameError", "SystemExit", None)
    ]
    assert printed(execution, 5) == "1\n"


@pytest.mark.parametrize(
    ("source", "name", "line"),
    [
        pytest.param("a = 1\nb = 2\n1 / 0", "ZeroDivisionError", 3, id="plain"),
        pytest.param("def f():\n    raise KeyError('k')\n\nf()", "KeyError", 2, id="in a function of the cell"),
        pytest.param("import torch\ntorch.ones(2) @ torch.ones(3)", "RuntimeError", 2, id="inside torch"),
        pytest.param("a = 1\nb = (2\nc = 3\n", "SyntaxError", 2, id="syntax"),
        pytest.param("def f(): return f()\nf()", "RecursionError", 1, id="recursion"),
    ],
)
def test_error_names_its_line(source, name, line, run_cells):
    error = run_cells("'another cell'", source).cells[1].error

    assert (error.name, error.line) == (name, line)


def test_unknown_magic_is_an_error_although_it_leaves_no_error_output(run_cells):
    cell = run_cells("%no_such_magic").cells[0]

    assert cell.state is CellState.RAISED
    assert cell.error.name == "UsageError"


def test_two_runs_share_neither_names_nor_random_numbers(run_cells, printed):
    source = "import torch, numpy, random\nprint(torch.rand(1), numpy.random.rand(), random.random(), 'left' in dir())\nleft = 1"

    first, second = printed(run_cells(source), 0), printed(run_cells(source), 0)

    assert first.endswith("False\n")
    assert second.endswith("False\n")
    assert not set(first.split()[:3]) & set(second.split()[:3])
