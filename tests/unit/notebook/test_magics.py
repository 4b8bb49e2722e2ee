"""A cell as plain Python: IPython's own lines go, everything else stays where it was."""

import ast
import sysconfig
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from IPython.core.inputtransformer2 import TransformerManager

from grader.notebook.magics import plain_python

REPLACED = [
    pytest.param("%matplotlib inline\nx = 1", "pass\nx = 1", id="line magic"),
    pytest.param("!pip install torch\nx = 1", "pass\nx = 1", id="shell line"),
    pytest.param("!!ls", "pass", id="captured shell line"),
    pytest.param("!echo \"it's (open\nx = 1", "pass\nx = 1", id="quotes and brackets of the shell"),
    pytest.param(
        "if x:\n    !ls\n    %cd a\nelse:\n    y", "if x:\n    pass\n    pass\nelse:\n    y", id="inside a block"
    ),
    pytest.param("!pip install \\\n  torch \\\n  numpy\nx", "pass\n\n\nx", id="shell line over three lines"),
    pytest.param("%run a.py \\", "pass", id="backslash at the end"),
    pytest.param("x = !ls -l\ny", "x = None\ny", id="assigned shell line"),
    pytest.param("a, b =!ls", "a, b =None", id="assigned to two names"),
    pytest.param("x = %env HOME", "x = None", id="assigned magic"),
    pytest.param("x: list = !ls \\\n -l\ny", "x: list = None\n\ny", id="annotated and over two lines"),
    pytest.param("x['='] = !ls", "x['='] = None", id="equals sign in a bracket and a string"),
    pytest.param("x = 3 == !ls", "x = 3 == !ls", id="neither Python nor IPython's"),
    pytest.param("f(a=!ls)", "f(a=!ls)", id="not inside a bracket"),
    pytest.param("torch.tensor?\nx", "pass\nx", id="help"),
    pytest.param("x.y??", "pass", id="source"),
    pytest.param("?x\n??y", "pass\npass", id="help in front"),
    pytest.param("x?  # what is it", "pass", id="help with a comment"),
    pytest.param("s = 'why?'\nt = 1  # why?", "s = 'why?'\nt = 1  # why?", id="question marks that ask nothing"),
    pytest.param("/f 1 2\n,f a b\n;f a b", "pass\npass\npass", id="calls without brackets"),
    pytest.param("%time y = f(2)\nz", "y = f(2)\nz", id="a timed statement runs"),
    pytest.param("%timeit -n 10 -r3 -o f(2)", "f(2)", id="options of timeit"),
    pytest.param("x = %time f(2)", "x = f(2)", id="a timed value"),
    pytest.param("x = %timeit -o f(2)", "x = None", id="a measurement is not the value"),
    pytest.param("%time f(1, \\\n 2)\n!ls", "f(1, \\\n 2)\npass", id="timed over two lines"),
    pytest.param("%time !ls\nx", "pass\nx", id="a timed shell line"),
    pytest.param("%time\nx", "pass\nx", id="time alone"),
    pytest.param("%timer f(2)", "pass", id="another magic that begins alike"),
    pytest.param("%%time\nx = 1\n!ls\n", "pass\nx = 1\npass\n", id="timed cell"),
    pytest.param("\n\n%%capture out\nx = 1", "\n\npass\nx = 1", id="captured cell behind blank lines"),
    pytest.param("%%timeit -n 3 a = 1\nf(a)", "a = 1\nf(a)", id="set-up of timeit"),
    pytest.param("%%time\n\n%%capture\nx", "pass\n\npass\nx", id="two cell magics"),
    pytest.param("%%bash\nls (\necho '", "pass\n\n", id="shell cell"),
    pytest.param("%%writefile a.py\nx = 1\n", "pass\n\n", id="file cell"),
    pytest.param("%%time\n%%html\n<b>\n", "pass\npass\n\n", id="HTML in a timed cell"),
    pytest.param("%%time?\nx", "pass\nx", id="help on a cell magic"),
    pytest.param("  %%bash\n  ls", "pass\n", id="indented shell cell"),
    pytest.param("   x = 1\n   if x:\n     y\n", "x = 1\nif x:\n  y\n", id="indented cell"),
    pytest.param("  x = 1\ny = 2", "  x = 1\ny = 2", id="wrongly indented cell"),
    pytest.param(">>> x = 1\n>>> if x:\n...     !ls\n", "x = 1\nif x:\n    pass\n", id="pasted session"),
    pytest.param("In [3]: x = 1\n   ...: y = 2", "x = 1\ny = 2", id="pasted IPython session"),
    pytest.param("pip install torch==2.1 japanize_matplotlib", "pass", id="pip without a mark"),
    pytest.param("\ncd ../data\n", "pass\n\n", id="cd without a mark"),
    pytest.param("x = 1\r\n!ls\r\n", "x = 1\npass\n", id="line ends of Windows"),
    pytest.param("x = (1\n!ls", "x = (1\n!ls", id="bracket never closed"),
    pytest.param("x = 'abc\n!ls", "x = 'abc\npass", id="string never closed"),
    pytest.param("x = 1)\n!ls", "x = 1)\npass", id="bracket never opened"),
    pytest.param("def\n!ls", "def\npass", id="other lines need not be Python"),
]


@pytest.mark.parametrize(("source", "expected"), REPLACED)
def test_takes_out_what_ipython_would_run(source, expected):
    assert plain_python(source) == expected


UNCHANGED = [
    pytest.param("x = (5\n % 3)", id="modulo on a line of its own in brackets"),
    pytest.param("x = 5 \\\n % 3", id="modulo behind a backslash"),
    pytest.param("x = [\n  1\n, 2\n]\n", id="comma in front"),
    pytest.param("s = '''\n!ls\n%time\nx?\n'''", id="docstring"),
    pytest.param('f"""\n%x {a!r}\n?"""', id="f-string"),
    pytest.param("s = 'a\\\n!b'", id="string over two lines"),
    pytest.param("r'\\'!'\n'!'", id="raw string with a quote"),
    pytest.param("s = '\\\\'\nx != 1", id="escaped backslash at the end"),
    pytest.param("print('100%' % 5, '?')", id="formatting"),
    pytest.param("x = y %time", id="modulo of a name"),
    pytest.param("x != 1\nx %= 3\nx /= 2", id="operators with an equals sign"),
    pytest.param("# !ls\n# x?\nx = 1 # it's (", id="comments"),
    pytest.param('Name = "" #@param {type:"string"}', id="form field of Colab"),
    pytest.param("ls -l", id="Python that looks like a command"),
    pytest.param("cat if cat else ls", id="names of commands"),
    pytest.param("", id="nothing"),
    pytest.param("\n\n", id="blank lines"),
    pytest.param("(\n'''\n)\n'''\n)\n", id="bracket in a string in a bracket"),
    pytest.param('x = """a\\""" \n!b"""', id="escaped quotes in a long string"),
]


@pytest.mark.parametrize("source", UNCHANGED)
def test_python_comes_back_as_it_is(source):
    ast.parse(source)

    assert plain_python(source) == source


def test_real_modules_come_back_as_they_are():
    modules = sorted(Path(sysconfig.get_path("stdlib")).glob("*.py"))[:120]
    assert len(modules) == 120

    for module in modules:
        source = module.read_text(encoding="utf-8")
        # Something for IPython at the end, so that the whole file is gone through.
        assert plain_python(source + "\n!ls\n") == source + "\npass\n", module.name


# --- properties -------------------------------------------------------------------------------------------------------

SPECIAL = st.text(st.sampled_from("'\"#()[]=%!?\\\n\t xrfi,;/:1"), max_size=40)


def parses(source):
    try:
        ast.parse(source)
    except SyntaxError:
        return False
    return True


@given(st.text(st.characters()) | SPECIAL)
@example("%" * 50)
@example("x=\\\n!")
def test_any_text_keeps_its_lines(source):
    assert plain_python(source).count("\n") == source.count("\n")


@given(SPECIAL)
@example("'''\\''''")
def test_anything_that_parses_comes_back_as_it_is(source):
    if parses(source) and not source.lstrip("\n").startswith((" ", "\t")):
        assert plain_python(source) == source


@given(SPECIAL)
def test_plain_python_is_plain(source):
    plain = plain_python(source)

    if parses(plain) and not plain.lstrip("\n").startswith((" ", "\t")):
        assert plain_python(plain) == plain


PYTHON = ["mark()", "x = 1", "y = f(", ")", "if x:", "    z = 2", "    mark()", "s = '''", "'''", "# it's", "x[", "]"]
BOTH = ["u = 5 \\", "% 3", "'\\'?'", "x = 'a\\\n!b'", "x = y = (", "lambda a=1: a", "x == 1", "@mark", "else:", ""]
COMMANDS = [
    "!ls",
    "    !ls 'a",
    "w = !ls",
    "%cd a",
    "%cd a \\",
    "v = %env A",
    "mark?",
    "    ?x",
    "x = 1; y?",
    "a = b = !ls",
]
LINES = st.sampled_from(PYTHON + BOTH + COMMANDS)


@given(st.lists(LINES, max_size=8))
@example(["y = f(", "!ls", ")"])
@example(["if x:", "    !ls 'a", "%cd a \\", "mark()", "mark()"])
def test_agrees_with_ipython_on_what_is_python(lines):
    source = "\n".join(lines) + "\n"
    theirs = TransformerManager().transform_cell(source)

    ours = plain_python(source)

    if "?" not in source:  # for help, IPython may drop lines of Python that were left open before it
        assert parses(ours) == parses(theirs)
    if parses(ours):
        assert parses(theirs)
        assert stored_names(ours) == stored_names(theirs)
        marks = [node.lineno for node in ast.walk(ast.parse(ours)) if isinstance(node, ast.Call) and is_mark(node)]
        assert all(source.split("\n")[line - 1].strip() == "mark()" for line in marks)


def stored_names(source):
    nodes = ast.walk(ast.parse(source))
    return {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}


def is_mark(call):
    return isinstance(call.func, ast.Name) and call.func.id == "mark"


# --- cost -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "piece",
    [
        "!\n",
        "%time ",
        "%%time\n",
        "(",
        "()",
        "'",
        "'\"\n",
        "\\",
        "\\\n",
        "a?",
        "? ",
        "x= ",
        " ",
        " \n",
        ">>> ",
        "  a\n",
        "%a=%a\n",
    ],
)
def test_long_cells_take_no_longer_than_their_length(piece):
    """Quadratic time would not come to an end here."""
    for size in (300_000, 10_000_000):
        source = "!\n" + piece * (size // len(piece))
        assert plain_python(source).count("\n") == source.count("\n")
