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


def answers(*sources, setup="import torch"):
    """A notebook with a heading for each answer, and where they are."""
    cells = [setup]
    for number, source in enumerate(sources, start=1):
        cells += [f"## 問題{number}", source]
    wanted = [Wanted(question_id=QuestionId(f"q{number}"), number=number) for number in range(1, len(sources) + 1)]
    return notebook(*cells), locate(notebook(*cells), wanted)


def order_of(reference, location):
    return [cell.source for cell in reorder_answers(reference, location=location).code_cells[1:]]


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

        moved = reorder_answers(reference, location=location)

        assert [cell.source for cell in moved.cells] == ["import torch", "## 問題2", "b = torch.zeros(2)", "## 問題1",
                                                         "a = torch.ones(2)"]  # fmt: skip
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
            pytest.param("a = (1", "print(2)", id="no Python"),
        ],
    )
    def test_answers_stay_where_one_may_depend_on_the_other(self, first, second):
        reference, location = answers(first, second)

        assert reorder_answers(reference, location=location) == reference

    def test_nothing_moves_past_an_answer_that_stays(self):
        reference, location = answers("a = 1", "b = 2", "t.add_(1)", "c = 3", "d = 4")

        assert order_of(reference, location) == ["b = 2", "a = 1", "t.add_(1)", "d = 4", "c = 3"]

    def test_a_question_without_code_of_its_own_keeps_everything_in_place(self):
        reference = notebook("import torch", "## 問題1", "a = 1", "## 問題2\nwords")
        wanted = [Wanted(question_id=QuestionId(f"q{number}"), number=number) for number in (1, 2)]

        assert reorder_answers(reference, location=locate(reference, wanted)) == reference


class TestSpelling:
    def respelled(self, *sources):
        reference, location = answers(*sources)
        variants = make_variants(
            reference, location=location, named={"t", "a", "b", "x"}, respelled=list(location.answers)
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

    made = make_variants(reference, location=location, named=set(), respelled=[QuestionId("q1")])
    kept = make_variants(reference, location=location, named={"a", "b"}, respelled=[])

    assert [variant.name for variant in made] == ["renamed", "reordered", "respelled"]
    assert [variant.name for variant in kept] == ["reordered"]
