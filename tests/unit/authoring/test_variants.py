"""Variants mean what the reference means: other names, another order, another way to show the same."""

import builtins
import contextlib
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.authoring.variants import make_variants
from grader.authoring.variants_names import rename_variables
from grader.authoring.variants_order import reorder_answers
from grader.domain.ids import QuestionId
from grader.domain.location import Wanted
from grader.domain.notebook import Cell, CellKind, Notebook
from grader.notebook.locate import locate


def notebook(*cells):
    """Code cells, and Markdown where a source begins with '#'."""
    return Notebook(
        cells=tuple(
            Cell(
                index=index,
                kind=CellKind.MARKDOWN if source.startswith("#") else CellKind.CODE,
                source=source,
                cell_id=str(index),
            )
            for index, source in enumerate(cells)
        )
    )


def answers(
    *sources,
    setup="import torch\nfrom torch import nn\nimport torch.nn.functional as F\nimport matplotlib.pyplot as plt",
):
    """A notebook with a heading for each answer, and where they are."""
    cells = [setup]
    for number, source in enumerate(sources, start=1):
        cells += [f"## 問題{number}", source]
    wanted = [Wanted(question_id=QuestionId(f"q{number}"), number=number) for number in range(1, len(sources) + 1)]
    return notebook(*cells), locate(notebook(*cells), wanted)


def order_of(reference, location):
    return [cell.source for cell in reorder_answers(reference, location=location, asked={}).code_cells[1:]]


class TestNames:
    def test_a_variable_is_renamed_in_every_cell_and_in_functions(self):
        cells = ["a = 1", "def f(x):\n    return x + a", "b = f(a)\nprint(b)"]

        assert rename_variables(cells, kept={"f"}) == [
            "my_a2 = 1",
            "def f(x):\n    return x + my_a2",
            "my_b2 = f(my_a2)\nprint(my_b2)",
        ]

    @pytest.mark.parametrize(
        ("cells", "kept"),
        [
            pytest.param(["t = 1"], {"t"}, id="what a check names"),
            pytest.param(["import torch as t\nt.zeros(1)"], set(), id="a module"),
            pytest.param(["def f():\n    return 1"], set(), id="a function"),
            pytest.param(["a = 1\ndef f(a):\n    return a"], set(), id="a name that is a parameter, too"),
            pytest.param(["a = 1\ndef f():\n    a = 2\n    return a"], set(), id="a name that is local, too"),
            pytest.param(["a = 1\nb = [a for a in range(3)]".replace("b = ", "")], set(), id="a comprehension's, too"),
            pytest.param(["a = 1\nprint(f'{a}')"], set(), id="a name in an f-string"),
            pytest.param(["a = 1\nprint(globals()['a'])"], set(), id="names are looked up by spelling"),
            pytest.param(["a = 1\ndef f():\n    global a\n    a = 2"], set(), id="a global statement"),
            pytest.param(["sum = 1"], set(), id="a built-in's name"),
            pytest.param(["a = 1", "b = (2"], set(), id="a cell that is no Python"),
        ],
    )
    def test_a_name_stays_that_means_something_else(self, cells, kept):
        assert rename_variables(cells, kept=kept) == cells

    def test_attributes_keywords_and_texts_stay(self):
        (renamed,) = rename_variables(["grad = 1\nx = f(grad=grad)\nx.grad = 'grad'"], kept={"x"})

        assert renamed == "my_grad2 = 1\nx = f(grad=my_grad2)\nx.grad = 'grad'"

    def test_looking_up_an_attribute_by_its_name_is_not_looking_up_a_variable(self):
        (renamed,) = rename_variables(["a = getattr(torch.optim, 'SGD')"], kept=set())

        assert renamed == "my_a2 = getattr(torch.optim, 'SGD')"

    def test_a_new_name_is_a_free_one(self):
        (renamed,) = rename_variables(["a = 1\nprint(my_a2)"], kept=set())

        assert renamed == "my_a3 = 1\nprint(my_a2)"

    def test_names_in_two_scripts_are_renamed_where_they_stand(self):
        (renamed,) = rename_variables(["温度 = '℃'; b = 温度"], kept={"b"})

        assert renamed == "my_温度2 = '℃'; b = my_温度2"


STATEMENTS = st.sampled_from(
    [
        "a = 1",
        "b = a + 2",
        "c = [a for a in (1, 2)]",
        "def f(x):\n    return x + b",
        "def g(b):\n    a = b\n    return a",
        "for i in range(3):\n    b = b + i",
        "print(a, b)",
        "print(f(a))",
        "print(f'{b}')",
        "print(g(b=5))",
        "a, d = b, a",
        "e = lambda a: a + d",
        "print(e(3), c)",
        "class K:\n    a = 4\nprint(K.a)",
        "if a:\n    h = 1\nelse:\n    h = 2\nprint(h)",
    ]
)


def printed(cells):
    """What the cells print, and the error that ends them."""
    out = io.StringIO()
    namespace = {"__builtins__": builtins}
    try:
        with contextlib.redirect_stdout(out):
            for cell in cells:
                exec(cell, namespace)  # noqa: S102 - the statements above
    except Exception as error:  # noqa: BLE001 - whatever they raise
        return out.getvalue(), type(error).__name__
    return out.getvalue(), None


@given(st.lists(STATEMENTS, min_size=1, max_size=8))
def test_renamed_code_prints_what_it_printed(statements):
    cells = ["a = 5\nb = 6\nd = 7", *statements]

    assert printed(rename_variables(cells, kept=set())) == printed(cells)


class TestOrder:
    def test_independent_answers_change_places(self):
        reference, location = answers("t = torch.ones(2)", "print(t.size())", "print(t[0])", "u = t + 1")

        assert order_of(reference, location) == ["t = torch.ones(2)", "u = t + 1", "print(t[0])", "print(t.size())"]

    def test_headings_move_along(self):
        reference, location = answers("a = torch.ones(2)", "b = torch.zeros(2)")

        moved = reorder_answers(reference, location=location, asked={})

        assert [cell.source for cell in moved.cells][1:] == [
            "## 問題2",
            "b = torch.zeros(2)",
            "## 問題1",
            "a = torch.ones(2)",
        ]
        assert [cell.index for cell in moved.cells] == list(range(5))

    @pytest.mark.parametrize(
        ("first", "second"),
        [
            pytest.param("a = 1", "b = a", id="it reads what the other binds"),
            pytest.param("a = 1", "a = 2", id="both bind the same"),
            pytest.param("b = a", "a = 2", id="it binds what the other reads"),
            pytest.param("y.backward()", "print(1)", id="a backward pass"),
            pytest.param("t.add_(1)", "print(2)", id="a change in place"),
            pytest.param("t[0] = 1", "print(2)", id="an element is set"),
            pytest.param("t += 1", "print(2)", id="an operator in place"),
            pytest.param("torch.manual_seed(0)", "print(2)", id="a seed"),
            pytest.param("a = torch.rand(2)", "b = torch.rand(2)", id="chance"),
            pytest.param("torch.add(a, b, out=c)", "print(2)", id="a result put somewhere"),
            pytest.param("helper(a)", "print(2)", id="a function that might do anything"),
            pytest.param("for x in loader:\n    print(x)", "print(2)", id="a loader that may shuffle"),
            pytest.param("model.forward(x)", "print(2)", id="a method that might do anything"),
            pytest.param("%matplotlib inline\na = 1", "print(2)", id="a magic"),
            pytest.param("b = a.view(-1)\nb.add_(1)", "print(2)", id="a change through another name of its own"),
            pytest.param("for x in a:\n    x += 1", "print(2)", id="elements of another answer's are changed"),
            pytest.param("def f():\n    a.append(1)\nf()", "print(2)", id="a function of its own changes another's"),
            pytest.param("def f():\n    global a\n    a = 1\nf()", "print(2)", id="a function that binds globally"),
            pytest.param("def f():\n    return a", "a = 1", id="a function will read what the other binds"),
            pytest.param("print(sum(g))", "print(sum(g))", id="a generator that is used up"),
            pytest.param("torch.sin(y).backward()", "print(2)", id="a backward pass behind a module's function"),
            pytest.param("F.relu(y, inplace=True)", "print(2)", id="in place by a keyword"),
            pytest.param("torch.set_printoptions(precision=2)", "print(2)", id="a global setting"),
            pytest.param("plt.plot([1, 2])", "plt.show()", id="one figure for all cells"),
            pytest.param("with torch.random.fork_rng():\n    a = 1", "print(2)", id="with something unknown"),
            pytest.param("open('a', 'w')", "print(2)", id="a file"),
            pytest.param("net = nn.Linear(2, 2)", "print(2)", id="weights by chance"),
            pytest.param("x = [1]\nx[0] = torch.rand\nx[0](2)", "print(2)", id="chance by another name"),
            pytest.param("def f(a, a):\n    return a", "b = 2", id="no Python at a second glance"),
            pytest.param("def f(F):\n    F.go()\nf(a)", "b = 2", id="a parameter named as a module"),
            pytest.param("a = [1]\ndef f(a):\n    return list(a)\nf(c)", "b = 2", id="a parameter named as a list"),
            pytest.param("print(_)", "b = 2", id="what was shown last"),
            pytest.param("@torch.jit.script_if_tracing\ndef f(x):\n    return x", "b = 2", id="a decorator runs"),
            pytest.param("a = (1", "print(2)", id="no Python"),
        ],
    )
    def test_answers_stay_where_one_may_depend_on_the_other(self, first, second):
        reference, location = answers(first, second)

        assert reorder_answers(reference, location=location, asked={}) == reference

    @pytest.mark.parametrize(
        "moved",
        [
            pytest.param("a = 0\nfor i in range(3):\n    a += i", id="a loop and an operator in place"),
            pytest.param("x = torch.ones(2, requires_grad=True)\n(x * 2).sum().backward()", id="a backward pass"),
            pytest.param(
                "with torch.no_grad():\n    w = torch.ones(2)\n    w -= 1\n    w[0] = 3", id="without gradients"
            ),
            pytest.param("x = torch.ones(2)\nx.grad = None\nx.add_(1)", id="an attribute and a change in place"),
            pytest.param("def f(x):\n    return x.add_(1)\ny = f(torch.ones(2))", id="a function of its own"),
            pytest.param("def f():\n    return nn.Linear(2, 2)", id="chance in a function that nobody calls"),
            pytest.param("class Net(nn.Module):\n    def forward(self, x):\n        return x", id="a class"),
            pytest.param("for x in (1, 2):\n    y = x\n    z = [y]\nprint(z)", id="what a loop binds and reads"),
            pytest.param("x = torch.ones(2)\nopt = torch.optim.SGD([x], lr=1)\nopt.step()", id="an optimiser"),
            pytest.param("print([i for i in torch.ones(2)])", id="a comprehension"),
        ],
    )
    def test_an_answer_that_changes_only_what_is_its_own_changes_places(self, moved):
        reference, location = answers(moved, "b = 2")

        assert order_of(reference, location) == ["b = 2", moved]

    def test_functions_that_change_only_their_arguments_may_be_called(self):
        reference, location = answers("def f(x):\n    x.append(1)", "a = []\nf(a)", "b = []\nf(b)")

        assert order_of(reference, location) == ["def f(x):\n    x.append(1)", "b = []\nf(b)", "a = []\nf(a)"]

    @pytest.mark.parametrize(
        "function",
        [
            pytest.param("def f(x, seen=[]):\n    seen.append(x)\n    return len(seen)", id="in a default"),
            pytest.param("def f(x):\n    f.count = x\n    return x", id="in an attribute"),
            pytest.param("def f(x):\n    seen.append(x)\n    return seen", id="outside"),
            pytest.param("def f(x):\n    return torch.rand(1)", id="in the random numbers"),
        ],
    )
    def test_calls_of_a_function_that_remembers_stay_in_order(self, function):
        reference, location = answers(function, "a = f(1)", "b = f(2)")

        assert order_of(reference, location) == [function, "a = f(1)", "b = f(2)"]

    def test_an_answer_stays_behind_what_its_check_reads(self):
        reference, location = answers("a = 1", "b = 2", "c = 3")
        asked = {QuestionId("q2"): {"a", "b"}}

        moved = reorder_answers(reference, location=location, asked=asked)

        assert [cell.source for cell in moved.code_cells[1:]] == ["a = 1", "c = 3", "b = 2"]

    def test_cells_of_the_set_up_and_of_one_answer_change_places_around_the_words(self):
        reference = notebook(
            "a = 1", "# 準備", "b = 2", "## 問題1", "c = a", "## 問題1の説明", "d = b", "print(c)", "print(d)"
        )
        location = locate(reference, [Wanted(question_id=QuestionId("q1"), number=1)])

        moved = reorder_answers(reference, location=location, asked={})

        assert [cell.source for cell in moved.cells][:3] == ["b = 2", "# 準備", "a = 1"]
        shown = [cell.source for cell in moved.cells if cell.source.startswith("print")]
        assert shown == ["print(c)", "print(d)"]

    def test_cells_that_belong_to_no_answer_keep_an_answer_in_order(self):
        """A heading that no question has ends the answer before it."""
        reference = notebook("import torch", "## 問題1", "x = 3", "## 問題2", "y = 4")
        location = locate(reference, [Wanted(question_id=QuestionId("q1"), number=1)])

        assert order_of(reference, location) == ["x = 3", "y = 4"]

    def test_nothing_moves_past_an_answer_that_stays(self):
        reference, location = answers("a = 1", "b = 2", "t.add_(1)", "c = 3", "d = 4")

        assert order_of(reference, location) == ["b = 2", "a = 1", "t.add_(1)", "d = 4", "c = 3"]

    def test_a_question_without_code_of_its_own_keeps_everything_in_place(self):
        reference = notebook("import torch", "## 問題1", "a = 1", "## 問題2\nwords")
        wanted = [Wanted(question_id=QuestionId(f"q{number}"), number=number) for number in (1, 2)]

        assert reorder_answers(reference, location=locate(reference, wanted), asked={}) == reference


ANSWERS = st.sampled_from(
    [
        "a = [1]",
        "b = [1, 2]\nb.append(3)\nprint(b)",
        "b = a\nb.append(4)",
        "c = len(a)",
        "for i in range(2):\n    d = [i]\n    d[0] += 1\nprint(d)",
        "a += [5]",
        "def f(x):\n    x.append(6)\n    return x",
        "def g(x):\n    return x + h",
        "h = [7]",
        "print(f([]))",
        "print(f(a))",
        "e = g([])\ne.append(8)",
        "print(g(a))",
        "k = (x for x in (1, 2, 3))",
        "print(sum(k))",
        "n = [x for x in a]",
        "class K:\n    seen = []\nK.seen.append(9)\nprint(K.seen)",
        "p = f(a)",
        "p = f([])\np[0] = 1",
        "q = [a, b]",
        "for r in q:\n    r.append(0)",
        "print(a, b)",
    ]
)


def shown_and_left(reference):
    """What each cell prints when they run in this order, and what the variables are in the end."""
    namespace = {"__builtins__": builtins, "a": [0], "b": [0], "h": [0], "k": iter("12"), "q": [[0]], "p": []}
    namespace |= {"f": lambda x: x, "g": lambda x: x}
    shown = []
    for cell in reference.code_cells:
        out = io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.suppress(Exception):
            exec(cell.source, namespace)  # noqa: S102 - the answers above
        shown.append((cell.cell_id, out.getvalue()))
    lasting = {name: repr(value) for name, value in namespace.items() if isinstance(value, list | int)}
    return sorted(shown), lasting


@given(st.lists(ANSWERS, min_size=2, max_size=7))
def test_reordered_code_prints_and_leaves_what_it_did(sources):
    reference, location = answers(*sources, setup="")

    assert shown_and_left(reorder_answers(reference, location=location, asked={})) == shown_and_left(reference)


class TestSpelling:
    def respelled(self, *sources):
        reference, location = answers(*sources)
        variants = make_variants(
            reference, location=location, named={"t", "a", "b", "x"}, asked={}, respelled=list(location.answers)
        )
        return [v.notebook.code_cells[1].source for v in variants if v.name == "respelled"]

    @pytest.mark.parametrize(
        ("source", "other"),
        [
            pytest.param("t = 1\nprint(t)", "t = 1\nt", id="a printed value is the last one"),
            pytest.param("t = 1\nt", "t = 1\nprint(t)", id="a last value is printed"),
            pytest.param("t = 1\nt + 1  # 注", "t = 1\nprint(t + 1)  # 注", id="with a comment behind it"),
        ],
    )
    def test_print_and_last_value_change_places(self, source, other):
        assert self.respelled(source) == [other]

    @pytest.mark.parametrize(
        "source",
        ["print('a')", "print(f'{a}')", "print(a, b)", "print(a, end='')", "print(*a)", "'a'", "x.backward()", "a = 1",
         "a;", "print()", "print('a' + b)", "for x in a:\n    print(x)"],
    )  # fmt: skip
    def test_it_stays_where_the_two_would_show_something_else(self, source):
        assert self.respelled(source) == []


def test_each_variant_has_its_name_and_one_that_changes_nothing_is_left_out():
    reference, location = answers("a = torch.ones(2)\nprint(a)", "b = 1")

    made = make_variants(reference, location=location, named=set(), asked={}, respelled=[QuestionId("q1")])
    kept = make_variants(reference, location=location, named={"a", "b"}, asked={}, respelled=[])

    assert [variant.name for variant in made] == ["renamed", "reordered", "respelled"]
    assert [variant.name for variant in kept] == ["reordered"]
