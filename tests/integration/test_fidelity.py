# ruff: noqa: E501 - a cell is one entry of a table
"""Cells do in the cage what they do in stock Jupyter: the same outputs, the same numbers in front of them.

All cells run once in an ordinary kernel of the same environment, driven by nbclient, and once in ours. What differs on
purpose stands in DIFFERENT, and in docs/explanation/notebooks.md for people.
"""

import re
from pathlib import Path

import nbformat
import pytest
from stock_jupyter import run_plainly, stock_kernel

from grader.domain.execution import Limits
from grader.notebook.read import read

SAME = {
    # plain output
    "prints to stdout and stderr": "import sys\nprint('a')\nprint('err', file=sys.stderr)\nprint('b', end='')",
    "flushes between prints": "print('a', flush=True)\nprint('b')",
    "prints Japanese and escape sequences": "print('\\033[31m赤\\033[0m')\n'é漢字😀'",
    "returns to the start of the line": "for i in range(3):\n    print(i, end='\\r')",
    "prints from a thread": "import threading\nt = threading.Thread(target=lambda: print('thread'))\nt.start()\nt.join()",
    "logs": "import logging\nlogging.warning('logged %d', 1)",
    "warns": "import warnings\nwarnings.warn('careful')",
    "warns of something old": "warnings.warn('old', DeprecationWarning)",
    "redirects its output": "import contextlib, io\nwith contextlib.redirect_stdout(io.StringIO()) as s:\n    print('in')\ns.getvalue()",
    # values shown
    "shows a tensor": "import torch\nx = torch.arange(6).reshape(2, 3)\nx",
    "shows a gradient": "w = torch.ones(2, requires_grad=True)\n(w**2).sum().backward()\nw.grad, (w * 2).sum()",
    "shows a network": "torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.ReLU())",
    "shows an array": "import numpy as np\nnp.arange(6.0).reshape(2, 3)",
    "shows a set and a dict": "{3, 1, 2}, {'w': torch.zeros(2)}",
    "shows a list too long for it": "list(range(1100))",
    "shows a long string": "'x' * 200",
    "shows a function and a class": "def shown(a, b=1):\n    return a\n\n\nshown, type('Shown', (), {})",
    "shows nothing for None": "None",
    "shows nothing behind a semicolon": "5;",
    "has a comment only": "# nothing",
    "shows a repr that raises": "class Broken:\n    def __repr__(self):\n        raise ValueError('no repr')\n\n\nBroken()",
    "remembers results": "41 + 1",
    "looks at remembered results": "_, __, _ == Out[max(Out)], In[1][:10]",
    "knows where it is": "get_ipython().__class__.__name__, __name__, sys.stdout.isatty()",
    # rich display
    "shows HTML and Markdown": "from IPython.display import HTML, Markdown, display\ndisplay(HTML('<b>x</b>'), Markdown('# 見出し'))\n{'a': 1}",
    "shows LaTeX": "from IPython.display import Latex, Math\ndisplay(Math(r'\\frac{df}{dx}'))\nLatex('$x^2$')",
    "shows SVG": 'from IPython.display import SVG\nSVG(\'<svg xmlns="http://www.w3.org/2000/svg" width="4" height="4"/>\')',
    "shows an image in another size": "import base64\nfrom IPython.display import Image\nImage(base64.b64decode('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=='), width=40)",
    "shows code and sound": "from IPython.display import Audio, Code\ndisplay(Code('x = 1', language='python'))\nAudio([0.0, 0.5, 0.0], rate=8000)",
    "has a repr of its own": "class Rich:\n    def _repr_html_(self):\n        return '<i>r</i>'\n    def _repr_latex_(self):\n        return '$r$'\n\n\nRich()",
    "shows a table": "class Table:\n    def _repr_html_(self):\n        return '<table><tr><td>損失</td><td>0.5</td></tr></table>'\n    def __repr__(self):\n        return '損失 0.5'\n\n\nTable()",
    "displays with an id": "shown_once = display('one', display_id='d1')\nshown_once.update('two')",
    "updates an earlier display": "shown_once.update('three')\ndisplay('new', display_id='d1')",
    "clears its output": "from IPython.display import clear_output\nprint('x')\nclear_output()\nprint('y')",
    "clears when something follows": "print('x')\nclear_output(wait=True)\nprint('y')",
    "clears and nothing follows": "print('x')\nclear_output(wait=True)",
    "shows progress": "from IPython.display import ProgressBar\nfor _ in ProgressBar(2):\n    pass",
    "shows progress with tqdm": "from tqdm import tqdm\nfor _ in tqdm(range(3), ncols=40, bar_format='{l_bar}{bar}|'):\n    pass",
    # plots
    "plots under a Japanese title": "%matplotlib inline\nimport matplotlib.pyplot as plt\nplt.plot([1, 2, 3])\nplt.title('損失の推移')\nplt.xlabel('エポック', weight='bold')\nplt.show()",
    "plots and shows the text object": "plt.plot([1, 2])\nplt.xlabel('epoch')",
    "plots twice": "plt.figure()\nplt.plot([1])\nplt.figure()\nplt.plot([2])\nplt.show()",
    "shows a figure as its result": "fig, ax = plt.subplots()\nax.plot([1, 2])\nfig",
    "plots and raises": "plt.plot([1, 2])\nraise RuntimeError('after plotting')",
    "plots for a fine screen": "%config InlineBackend.figure_format = 'retina'\nplt.plot([1, 2]);",
    "plots as SVG": "%config InlineBackend.figure_format = 'svg'\n%config InlineBackend.print_figure_kwargs = {'metadata': {'Date': None}}\nplt.rcParams['svg.hashsalt'] = 'same'\nplt.plot([1, 2])\nplt.show()",
    # errors
    "divides by zero": "1 / 0",
    "has a syntax error": "def f(:\n    pass",
    "has an indentation error": "if True:\nprint('x')",
    "uses an undefined name": "print(undefined_name)",
    "raises in nested functions": "def outer(n):\n    def inner(m):\n        return 1 / m\n    return inner(n)\n\n\nouter(0)",
    "raises one error from another": "try:\n    {}['key']\nexcept KeyError as error:\n    raise ValueError('課題') from error",
    "raises a group": "raise ExceptionGroup('two', [ValueError(1), TypeError(2)])",
    "multiplies shapes that do not fit": "torch.ones(2, 3) @ torch.ones(2, 3)",
    "raises inside forward": "class Net(torch.nn.Module):\n    def forward(self, x):\n        return self.missing(x)\n\n\nNet()(1)",
    "calls backward on a vector": "v = torch.ones(2, requires_grad=True)\n(v * 2).backward()",
    "fails an assertion": "assert torch.ones(2).sum() == 3, 'wrong sum'",
    "imports what is not there": "from torch import no_such_name",
    "raises in a thread": "def boom():\n    raise RuntimeError('in a thread')\n\n\nt = threading.Thread(target=boom, name='worker')\nt.start()\nt.join()",
    "interrupts itself": "raise KeyboardInterrupt",
    "raises SystemExit": "raise SystemExit(3)",
    "goes on after SystemExit": "print('after')",
    "asks for input": "input('name? ')",
    "prints a caught error": "import traceback\ntry:\n    1 / 0\nexcept ZeroDivisionError:\n    traceback.print_exc()",
    # magics and the shell
    "times a line": "%timeit -n1 -r1 pass",
    "times a cell": "%%time\nprint('timed')",
    "captures": "%%capture captured\nprint('hidden')\n1",
    "looks at what was captured": "captured.stdout, captured.outputs[0]",
    "writes a module": "%%writefile helper.py\ndef twice(x):\n    return 2 * x",
    "imports the written module": "import helper\nhelper.twice(4)",
    "runs the written module": "%run helper.py\n%cat helper.py",
    "asks the shell": "!echo hi; echo err >&2",
    "keeps what the shell says": "lines = !printf 'a\\nb\\n'\nlines",
    "gives the shell a variable": "n = 3\n!echo {n} $n; false\n_exit_code",
    "has a bash cell": "%%bash\necho from bash\necho trouble >&2",
    "has a bash cell that fails": "%%bash\nexit 3",
    "has a cell of HTML": "%%html\n<b>cell</b>",
    "sets the environment": "import os\n%env COLOUR=red\nos.environ['COLOUR']",
    "changes the precision": "%precision 3\n3.14159265",
    "lists its names": "%who_ls int",
    "uses a magic that is not there": "%no_such_magic",
    "uses a magic wrongly": "%timeit -z 1",
    "shows the last error again": "%tb",
    "defines a magic": "from IPython.core.magic import register_line_magic\n@register_line_magic\ndef shout(line):\n    return line.upper()",
    "uses its own magic": "%shout hello",
    # help
    "asks what len is": "?len",
    "asks behind the name": "shown?",
    "asks for the source": "shown??",
    "asks for nothing that is there": "?no_such_thing",
    "asks for names like these": "torch.is_ten*?",
    "calls help": "help(len)",
    # asynchronous
    "awaits": "import asyncio\nawait asyncio.sleep(0)\n'awaited'",
    "iterates asynchronously": "async def count():\n    for i in range(3):\n        yield i\n\n\n[i async for i in count()]",
    "awaits several": "await asyncio.gather(asyncio.sleep(0, 1), asyncio.sleep(0, 2))",
    "raises while awaiting": "async def bad():\n    raise OSError('bad')\n\n\nawait bad()",
}

DIFFERENT = {
    "shows a widget": (
        "import ipywidgets\nslider = ipywidgets.IntSlider(value=3)\nslider",
        [("execute_result", {"text/plain": "IntSlider(value=3)"})],
    ),
    "prints into a widget": (
        "inside = ipywidgets.Output()\nwith inside:\n    print('inside')\nprint('outside')",
        [("stdout", "inside\noutside\n")],
    ),
    "shows a tree of JSON": (
        "from IPython.display import JSON\nJSON({'a': [1, 2]})",
        [("execute_result", {"text/plain": "<IPython.core.display.JSON object>"})],
    ),
    "prints past Python": (
        "os.write(1, b'written\\n')\nprint('printed')",
        [("stdout", "printed\nwritten\n")],
    ),
}

FONT_SETUP = """
import dataclasses, importlib.util, pathlib, matplotlib
from matplotlib import font_manager
place = pathlib.Path(importlib.util.find_spec("matplotlib_fontja").origin).parent
font_manager.fontManager.addfont(place / "fonts" / "ipaexg.ttf")
known = font_manager.fontManager.ttflist
known.append(dataclasses.replace(known[-1], weight=700))
matplotlib.rcParams["font.family"] = ["sans-serif", "IPAexGothic"]
"""
"""Stock Jupyter on a machine with a Japanese font, as ours always has one."""


class Ran:
    """The cells of both runs, by name."""

    def __init__(self, *, stock: dict[str, nbformat.NotebookNode], ours: dict[str, nbformat.NotebookNode]) -> None:
        self.stock, self.ours = stock, ours


@pytest.fixture(scope="module")
def ran(sandbox_runner, kernel_python: Path, tmp_path_factory) -> Ran:
    sources = SAME | {name: source for name, (source, _) in DIFFERENT.items()}
    cells = [nbformat.v4.new_code_cell(source) for source in sources.values()]
    data = nbformat.writes(nbformat.v4.new_notebook(cells=cells)).encode()
    folder, work = tmp_path_factory.mktemp("jupyter"), tmp_path_factory.mktemp("work")
    arguments = [
        "--InteractiveShell.colors=nocolor",  # ours are: who shows a traceback has to take the colours out anyway
        "--HistoryManager.enabled=False",
        f"--IPKernelApp.exec_lines=exec({FONT_SETUP!r}, {{}})",
    ]
    with stock_kernel(folder, kernel_python=kernel_python, arguments=arguments):
        stock = run_plainly(data, folder=work)
    executed = sandbox_runner.run(read(data), plan=[], limits=Limits()).executed_notebook
    ours = nbformat.reads(executed.decode(), as_version=4)
    places = {str(kernel_python.parents[1]): "/opt/venv", str(work): "/work"}
    return Ran(
        stock={name: normal(cell, places) for name, cell in zip(sources, stock.cells, strict=True)},
        ours={name: normal(cell, places) for name, cell in zip(sources, ours.cells, strict=True)},
    )


def normal(cell: nbformat.NotebookNode, places: dict[str, str]) -> dict:
    """A cell's count and outputs without what differs between any two runs.

    The two streams reach a stock kernel's client in any order and any pieces.
    """
    streams = {"stdout": "", "stderr": ""}
    others = []
    for output in cell.outputs:
        if output.output_type == "stream":
            streams[output.name] += output.text
        else:
            others.append(output)
    written = [(name, text) for name, text in streams.items() if text]
    return {
        "count": cell.execution_count,
        "streams": without_chance(written, places),
        "others": without_chance(others, places),
    }


def without_chance(value, places: dict[str, str]):
    """Addresses, timings, places on the disk and the file names of cells."""
    if isinstance(value, dict):
        return {key: without_chance(one, places) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [without_chance(one, places) for one in value]
    if not isinstance(value, str):
        return value
    for found, named in places.items():
        value = value.replace(found, named)
    value = re.sub(r"\b0x[0-9a-f]{6,}", "0x...", value)
    value = re.sub(r"(/tmp/)?ipykernel_\d+/\d+\.py", "<cell>", value)
    return re.sub(r"\b[\d.]+ (ns|μs|us|ms|s)\b", "<time>", value)


def test_at_least_forty_features_are_compared():
    assert len(SAME) >= 40


@pytest.mark.parametrize("name", SAME)
def test_cell_gives_what_it_gives_in_stock_jupyter(ran: Ran, name: str):
    assert ran.ours[name] == ran.stock[name]


def test_the_cells_that_are_compared_had_something_to_say(ran: Ran):
    silent = {name for name, cell in ran.stock.items() if not cell["streams"] and not cell["others"]}

    assert silent == {
        "shows nothing for None",
        "shows nothing behind a semicolon",
        "has a comment only",
        "captures",
        "defines a magic",
        # What help says goes to a pager, which an executed notebook does not have.
        "asks what len is",
        "asks behind the name",
        "asks for the source",
        "asks for names like these",
    }


@pytest.mark.parametrize("name", DIFFERENT)
def test_cell_that_differs_does_so_as_the_page_says(ran: Ran, name: str):
    told = [tuple(one) for one in ran.ours[name]["streams"]]
    told += [(one["output_type"], one["data"]) for one in ran.ours[name]["others"]]

    assert sorted(told, key=str) == sorted(DIFFERENT[name][1], key=str)
    assert ran.ours[name] != ran.stock[name]
