"""Right output beside the right form of code, which need not belong together; all outputs are made by running it."""

import ast
import base64
import contextlib
import io

import pytest
import torch

from grader.domain.execution import CellRun, CellState, Evidence, Output
from grader.domain.result import Finding, Verdict
from grader.grading.checks.output import OutputCheck
from grader.grading.checks.source import SourceCheck

QUESTION_2 = {"pattern": "$T.size()"}
QUESTION_5 = {"pattern": "$T[$START:-1:$STEP]", "where": {"START": "integer", "STEP": "integer"}}


def run(*cells: str, before: str = "") -> Evidence:
    """Run cells as IPython does: the last expression of each is shown unless a semicolon follows."""
    scope: dict[str, object] = {"torch": torch, "t": torch.arange(24).reshape(4, 3, 2)}
    exec(before, scope)  # noqa: S102 - this file's own code
    runs = tuple(
        CellRun(index=index, state=CellState.OK, outputs=tuple(_outputs(cell, scope)))
        for index, cell in enumerate(cells)
    )
    outputs = tuple(output for run in runs for output in run.outputs)
    source = "\n".join(cells)
    return Evidence(source=source, notebook_source=f"{before}\n{source}", outputs=outputs, cell_runs=runs, replies={})


def _outputs(cell: str, scope: dict[str, object]) -> list[Output]:
    tree = ast.parse(cell)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    printed = io.StringIO()
    results: list[Output] = []
    scope["display"] = lambda value: results.append(Output(kind="display", text=repr(value)))
    with contextlib.redirect_stdout(printed):
        exec(compile(tree, "cell", "exec"), scope)  # noqa: S102 - this file's own code
        if isinstance(last, ast.Expr):
            value = eval(compile(ast.Expression(last.value), "cell", "eval"), scope)  # noqa: S307 - this file's own code
            if value is not None and not cell.rstrip().endswith(";"):
                results.append(Output(kind="result", text=repr(value)))
    return [Output(kind="stdout", text=printed.getvalue()), *results] if printed.getvalue() else results


def judge(pattern: dict[str, object], reference: str, actual: Evidence) -> Finding:
    return SourceCheck.model_validate(pattern).evaluate(actual=actual, expected=run(reference))


def judge_output(reference: str, actual: Evidence) -> Finding:
    return OutputCheck().evaluate(actual=actual, expected=run(reference))


@pytest.mark.parametrize(
    "cells",
    [
        pytest.param(("print(t[0:-1:1])",), id="printed"),
        pytest.param(("t[0:-1:1]",), id="last expression"),
        pytest.param(("display(t[0:-1:1])",), id="displayed"),
        pytest.param(("u = t[0:-1:1]; print(u)",), id="through a name"),
        pytest.param(("u = t[:-1:]\nu = t[0:-1:1]\nprint(u)",), id="a name that is given anew"),
        pytest.param(("u = t[0:-1:1]", "u"), id="through a name in another cell"),
        pytest.param(("print(t[:-1:]); print(t[0:-1:1])",), id="beside the original"),
        pytest.param(("print(t[0:-1:1])\nprint(t[:-1:])",), id="before the original"),
        pytest.param(("print(t[0:-1:2])\nprint(t[0:-1:1])",), id="after a wrong try of the same form"),
        pytest.param(("print(torch.equal(t[:-1:], t[0:-1:1])); print(t[0:-1:1])",), id="compared first"),
        pytest.param(("u = t[0:-1:1]\nprint(u)\nprint(torch.equal(u, t[:-1:]))",), id="compared later"),
        pytest.param(("t[:-1:]", "t[0:-1:1]"), id="two last expressions"),
        pytest.param(("t[:-1:]\nt[0:-1:1]",), id="only the last one is shown"),
        pytest.param(("t[0:1]", "pass", "t[0:-1:1]"), id="a cell without a value between"),
        pytest.param(("print(f'{t[0:-1:1]}')",), id="f-string"),
        pytest.param(("print('答え: {}'.format(t[0:-1:1]))",), id="format"),
        pytest.param(("print('答え: ' + str(t[0:-1:1]))",), id="joined strings"),
        pytest.param(("print('(1)', t.shape, t[0:-1:1])",), id="among other things"),
        pytest.param(("def show(a):\n    print(a)\nshow(t[0:-1:1])",), id="a helper that prints"),
        pytest.param(("def make():\n    return t[0:-1:1]\nprint(make())",), id="a helper that returns"),
        pytest.param(("def make(a=t[0:-1:1]):\n    b = a\n    return b\nprint(make())",), id="a default value"),
        pytest.param(("def show(*, a):\n    print(a)\nshow(a=t[0:-1:1])",), id="a keyword argument"),
        pytest.param(
            ("def show(*all):\n    for one in all:\n        print(one)\nshow(t[0:-1:1])",), id="any arguments"
        ),
        pytest.param(("show = lambda a: print(a)\nshow(t[0:-1:1])",), id="a lambda"),
        pytest.param(("list(map(print, [t[0:-1:1]]))",), id="handed on to print"),
        pytest.param(("r = []\nr.append(t[0:-1:1])\nfor one in r:\n    print(one)",), id="through a list"),
        pytest.param(("d = {}\nd['a'] = t[0:-1:1]\nprint(d['a'])",), id="through a dict"),
        pytest.param(("a, b = 1, t[0:-1:1]\nprint(b)",), id="unpacked"),
        pytest.param(("if (u := t[0:-1:1]) is not None:\n    print(u)",), id="a walrus under a condition"),
        pytest.param(("with torch.no_grad():\n    print(t[0:-1:1])",), id="in a with block"),
        pytest.param(("try:\n    print(t[0:-1:1])\nexcept ValueError:\n    pass",), id="in a try block"),
    ],
)
def test_a_match_that_is_shown_passes(cells: tuple[str, ...]) -> None:
    finding = judge(QUESTION_5, "print(t[0:-1:1])", run(*cells))
    assert (finding.verdict, finding.code) == (Verdict.PASSED, "source.found")


@pytest.mark.parametrize(
    "cells",
    [
        pytest.param(("print(t[0:-1:2])\nprint(t[:-1:])",), id="a wrong try beside the original"),
        pytest.param(("print(t[:-1:])\nt[7:-1:9];",), id="a semicolon hides it"),
        pytest.param(("print(t[:3])\nz = [0] * 5\nz[0:-1:1]",), id="of something else"),
        pytest.param(("t[7:-1:9]\nt[:-1:]",), id="not the last expression"),
        pytest.param(("x = t[7:-1:9]\nprint(t[:-1:])",), id="assigned and forgotten"),
        pytest.param(("t[7:-1:9];", "t[:-1:]"), id="only the last of two cells shows its value"),
        pytest.param(("t[:-1:]", "t[7:-1:9];"), id="only the first of two cells shows its value"),
        pytest.param(("u = t[7:-1:9]\nu = t[:-1:]\nprint(u)",), id="given anew"),
        pytest.param(("print(t[:-1:] if t[7:-1:9] is not None else 0)",), id="only a condition"),
        pytest.param(("print((t[:-1:], t[7:-1:9])[0])",), id="picked from two"),
        pytest.param(("try:\n    print(t[:-1:])\nexcept ValueError:\n    print(t[7:-1:9])",), id="in a handler"),
        pytest.param(("print(t[:-1:])\nfor i in list(t.new_empty(0)):\n    print(t[7:-1:9])",), id="in an empty loop"),
        pytest.param(("for i in range(2):\n    print(t[i:-1:1])\nprint(t[7:-1:9])",), id="every slice there is"),
    ],
)
def test_right_output_from_something_else_is_left_to_a_person(cells: tuple[str, ...]) -> None:
    finding = judge(QUESTION_5, "print(t[0:-1:1])", run(*cells))
    assert (finding.verdict, finding.code) == (Verdict.NEEDS_REVIEW, "source.not_shown")


@pytest.mark.parametrize(
    "dead",
    [
        "if 0 > 1:\n    t[0:-1:1]",
        "for _ in []:\n    t[0:-1:1]",
        "(lambda: t[0:-1:1]);",
        "try:\n    pass\nexcept Exception:\n    print(t[0:-1:1])",
        "False and t[0:-1:1];",
        "def g(a: t[0:-1:1]):\n    pass\ng(1)",
    ],
)
def test_a_match_in_dead_code_is_none(dead: str) -> None:
    finding = judge(QUESTION_5, "print(t[0:-1:1])", run(f"print(t[:-1:])\n{dead}"))
    assert (finding.verdict, finding.code) == (Verdict.FAILED, "source.slice_too_few")


FAKE = """class R:
    def __repr__(self):
        return repr(t[:-1])

    def __getitem__(self, key):
        return self
"""


@pytest.mark.parametrize(
    ("before", "cell"),
    [
        pytest.param("", f"{FAKE}\nr = R()\nprint(r[5:-1:7])", id="a class with its own brackets"),
        pytest.param(FAKE, "r = R()\nprint(r[5:-1:7])", id="defined in an earlier cell"),
        pytest.param(
            "",
            "R = type('R', (list,), {'__repr__': lambda s: repr(t[:-1])})\nprint(R()[5:-1:7] or R())",
            id="by type()",
        ),
    ],
)
def test_who_decides_how_things_are_shown_is_left_to_a_person(before: str, cell: str) -> None:
    finding = judge(QUESTION_5, "print(t[0:-1:1])", run(cell, before=before))
    assert finding.verdict is Verdict.NEEDS_REVIEW


def test_a_size_method_of_ones_own_is_left_to_a_person() -> None:
    cell = "class Q:\n    def size(self):\n        return 'torch.Size([4, 3, 2])'\nprint(Q().size())"
    assert judge(QUESTION_2, "print(t.size())", run(cell)).code == "source.own_display"


@pytest.mark.parametrize(
    "cell",
    [
        "s = t.size(); print(s)",
        "print(f'{t.size()}')",
        "display(t.size())",
        "t.size()",
        "print(list(t.size()))",
        "a, b, c = t.size()\nprint(a, b, c)",
        "s = t.size()\nprint(f'{s[0]}×{s[1]}×{s[2]}')",
        "def show(v):\n    print(v.size())\nshow(t)",
        "print(t.shape)\nprint(t.size())",
        "print(t.size(), t.dim(), t.numel())",
        "print('(4, 3, 2) のはず:', t.size())",
        "print('サイズ：' + str(t.size()))",
    ],
)
def test_every_way_to_show_the_size_method_passes(cell: str) -> None:
    actual = run(cell)
    assert judge(QUESTION_2, "print(t.size())", actual).code == "source.found"
    assert judge_output("print(t.size())", actual).code == "output.matches"


def test_a_method_of_an_earlier_cells_helper_counts_as_shown() -> None:
    actual = run("report(t.size())", before="def report(v):\n    print('結果', v)")
    assert judge(QUESTION_2, "print(t.size())", actual).code == "source.found"


@pytest.mark.parametrize(
    "cell", ["print(t.shape)\nx = torch.zeros(2)\nx.size();", "print(t.shape)\nprint(t[0].size())"]
)
def test_the_size_of_something_else_is_left_to_a_person(cell: str) -> None:
    assert judge(QUESTION_2, "print(t.size())", run(cell)).code == "source.not_shown"


def test_a_cell_that_raised_shows_no_value() -> None:
    runs = (
        CellRun(index=0, state=CellState.RAISED),
        CellRun(index=1, state=CellState.OK, outputs=(Output(kind="result", text="torch.Size([4, 3, 2])"),)),
    )
    source = "t.sizes()\nt.size()"
    actual = Evidence(source=source, notebook_source=source, outputs=runs[1].outputs, cell_runs=runs, replies={})
    assert judge(QUESTION_2, "print(t.size())", actual).code == "source.found"


def test_where_nothing_right_is_shown_the_output_check_has_the_word() -> None:
    for cell in ("u = t[0:-1:1]", "print(1)\nt[0:-1:1];"):
        assert judge(QUESTION_5, "print(t[0:-1:1])", run(cell)).code == "source.found"


def test_what_the_reference_does_not_show_need_not_be_shown() -> None:
    reference = "x = torch.ones(1, requires_grad=True)\n(2 * x).sum().backward()\nprint(x.grad)"
    finding = judge({"pattern": "$Y.backward($$$)"}, reference, run(reference.replace("2 * x", "x * 2")))
    assert finding.code == "source.found"


# --- typed output -----------------------------------------------------------------------------------------------------

QUESTION_3 = "print(t[:,-1,:])"
RIGHT = "tensor([[4, 5], [10, 11], [16, 17], [22, 23]])"
CODED = base64.b64encode(RIGHT.encode())


@pytest.mark.parametrize(
    "cell",
    [
        pytest.param(f"print('{RIGHT}')", id="a string"),
        pytest.param(f"s = '{RIGHT}'\nprint(s)", id="through a name"),
        pytest.param(f"print(torch.{RIGHT})", id="a tensor of written numbers"),
        pytest.param(f"torch.{RIGHT}", id="as the last expression"),
        pytest.param(f"print('{RIGHT}')\nt[:, -1, :];", id="with the expression beside it"),
        pytest.param(f"print('{RIGHT}')\nprint(t[0])", id="with something computed beside it"),
        pytest.param(f"for _ in range(2):\n    print('{RIGHT}')\nprint(t[0])", id="twice"),
        pytest.param("print('tensor([[4, 5], [10, 11], ' + '[16, 17], [22, 23]])')", id="in pieces"),
        pytest.param(f"def show(a):\n    print(a)\nshow('{RIGHT}')", id="by a helper"),
        pytest.param(f"exec(\"print('{RIGHT}')\")", id="from within a text that is run"),
        pytest.param(f"print(eval(\"'{RIGHT}'\"))", id="from an evaluated text"),
        pytest.param(f"import base64\nprint(base64.b64decode({CODED!r}).decode())", id="coded"),
        pytest.param(f"print(''.join(chr(c) for c in {[*RIGHT.encode()]}))", id="by character codes"),
    ],
)
def test_typed_output_is_left_to_a_person(cell: str) -> None:
    finding = judge_output(QUESTION_3, run(cell))
    assert (finding.verdict, finding.code) == (Verdict.NEEDS_REVIEW, "output.typed")


@pytest.mark.parametrize(
    "cell",
    [
        pytest.param(QUESTION_3, id="computed"),
        pytest.param(f"{QUESTION_3}\nprint('{RIGHT} になる')", id="computed and explained"),
        pytest.param(f"print('{RIGHT} のはず')\n{QUESTION_3}", id="foretold and computed"),
        pytest.param(
            "t = torch.tensor([[[1, 2], [4, 5]], [[0, 0], [10, 11]], [[0, 0], [16, 17]], [[0, 0], [22, 23]]])\n"
            "print(t[:, -1, :])",
            id="of a tensor written out here",
        ),
        pytest.param("print([row[-1] for row in t])\nprint(t[:, -1])", id="in two ways"),
        pytest.param(f"exec('a = 1')\n{QUESTION_3}", id="beside a text that is run"),
        pytest.param("print(eval('t')[:, -1])", id="of an evaluated name"),
    ],
)
def test_computed_output_passes(cell: str) -> None:
    assert judge_output(QUESTION_3, run(cell)).code == "output.matches"


def test_a_written_tensor_is_the_answer_where_the_reference_writes_one() -> None:
    cell = "print(torch.tensor([1, 2, 3]))"
    assert judge_output(cell, run(cell)).code == "output.matches"


# --- everything that might be right -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reference", "cell"),
    [
        (QUESTION_3, "for p in (t, t[0], t[:, 0], t[:, 1], t[:, 2], t[..., 0], t[:, :, -1]):\n    print(p)"),
        ("print(t.size())", "for a in range(2, 5):\n  for b in range(2, 5):\n    print(torch.Size([a, b, 2]))"),
    ],
)
def test_everything_that_might_be_right_is_left_to_a_person(reference: str, cell: str) -> None:
    finding = judge_output(reference, run(cell))
    assert (finding.verdict, finding.code) == (Verdict.NEEDS_REVIEW, "output.many_tried")


@pytest.mark.parametrize(
    "cell",
    [
        pytest.param(f"print(t)\nfor i in range(4):\n    print(t[i])\n{QUESTION_3}", id="each part"),
        pytest.param(f"for i in range(4):\n    for j in range(3):\n        print(t[i, j])\n{QUESTION_3}", id="rows"),
        pytest.param(f"for i in range(9):\n    print(i, t[0])\n{QUESTION_3}", id="the same thing again and again"),
    ],
)
def test_exploring_is_no_guessing(cell: str) -> None:
    assert judge_output(QUESTION_3, run(cell)).code == "output.matches"


def test_a_reference_that_shows_many_allows_many() -> None:
    reference = "for i in range(12):\n    print(t.flatten()[i : i + 2])"
    more = "for i in range(16):\n    print(t.flatten()[i : i + 2])"
    assert judge_output(reference, run(more)).code == "output.matches"


def test_functions_that_call_each_other_for_ever_are_followed_for_a_while() -> None:
    functions = "\n".join(f"def f{n}(a):\n" + f"    f{n - 1}(a)\n" * 9 for n in range(1, 12))
    cell = f"def f0(a):\n    pass\n{functions}\nif t is None:\n    f11(t)\nprint(t[0:-1:1])"
    assert judge(QUESTION_5, "print(t[0:-1:1])", run(cell)).code == "source.found"


def test_what_prints_more_than_is_followed_is_still_judged() -> None:
    many = "print(t[0:-1:1])\n" * 600
    assert judge(QUESTION_5, "print(t[0:-1:1])", run(many)).code == "source.found"
    other = "print(t[0])\n" * 600 + "print(t[0:-1:1])"
    assert judge(QUESTION_5, "print(t[0:-1:1])", run(other)).code == "source.not_shown"
