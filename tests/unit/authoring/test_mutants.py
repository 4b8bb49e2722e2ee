"""Mutants are the mistakes that students make: each kind where it can happen, none where nothing would be wrong."""

import ast
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.authoring.mutants import make_mutants
from grader.authoring.mutants_text import Answer, Operator
from grader.domain.ids import QuestionId
from grader.domain.notebook import Cell, CellKind, Notebook

Q1 = QuestionId("q1")


def notebook(*sources):
    cells = [Cell(index=i, kind=CellKind.CODE, source=source, cell_id=f"c{i}") for i, source in enumerate(sources)]
    return Notebook(cells=tuple(cells))


def mutants_of(source, *, before=(), limit=1000, always=(), **known):
    """Mutants of a cell that answers question 1, with other cells before it."""
    reference = notebook(*before, source)
    answer = Answer(names=frozenset(known.pop("names", ())), **known)
    cells = {Q1: (len(before),)}
    return make_mutants(reference, cells=cells, answers={Q1: answer}, limit=limit, total=1000, always=always)


def sources_of(source, operator, **known):
    return [mutant.source for mutant in mutants_of(source, **known) if mutant.operator is operator]


@pytest.mark.parametrize(
    ("operator", "source", "mutant", "known"),
    [
        pytest.param("arithmetic", "y = a + b", "y = a - b", {}, id="plus becomes minus"),
        pytest.param("arithmetic", "y = (a) ** (2)", "y = (a) * (2)", {}, id="a sign between brackets is found"),
        pytest.param("arithmetic", "w -= g", "w += g", {}, id="so is one before an equals sign"),
        pytest.param("comparison", "y = a < b", "y = a <= b", {}, id="a bound is included"),
        pytest.param("comparison", "y = a and b", "y = a or b", {}, id="and becomes or"),
        pytest.param("sign", "y = -a", "y = a", {}, id="a minus is lost"),
        pytest.param("sign", "def f(x):\n    return x + 1", "def f(x):\n    return -(x + 1)", {}, id="a result's sign"),
        pytest.param("constant", "y = 3", "y = 4", {}, id="one more"),
        pytest.param("constant", "y = 3", "y = 0", {}, id="nothing"),
        pytest.param("constant", "y = 0.5", "y = 1.0", {}, id="twice as much"),
        pytest.param("constant", "y = x.sum(keepdim=True)", "y = x.sum(keepdim=False)", {}, id="a switch"),
        pytest.param("slice", "y = t[1:3]", "y = t[1:4]", {}, id="an end is off by one"),
        pytest.param("slice", "y = t[:-1]", "y = t[1:-1]", {}, id="a beginning that was left out"),
        pytest.param("slice", "y = t[2:]", "y = t[2:-1]", {}, id="an end that was left out"),
        pytest.param("slice", "y = t[0]", "y = t[1]", {}, id="an index"),
        pytest.param("term", "y = a + b", "y = a", {}, id="a term is dropped"),
        pytest.param("term", "y = c * (a + b)", "y = a + b", {}, id="a factor is dropped"),
        pytest.param("aggregate", "y = x.sum()", "y = x.mean()", {}, id="a method"),
        pytest.param("aggregate", "y = torch.mean(x)", "y = torch.sum(x)", {}, id="a function"),
        pytest.param(
            "aggregate", "l = L(reduction='mean')", 'l = L(reduction="sum")', {}, id="a loss over all elements"
        ),
        pytest.param("dtype", "t = torch.tensor([1])", "t = torch.Tensor([1])", {}, id="the capital T"),
        pytest.param("dtype", "t = torch.tensor([1])", "t = torch.tensor([1], dtype=torch.float32)", {}, id="by name"),
        pytest.param("dtype", "t = torch.zeros(2, dtype=torch.int64)", "t = torch.zeros(2)", {}, id="forgotten"),
        pytest.param("dtype", "t = x.long()", "t = x.float()", {}, id="another cast"),
        pytest.param("dtype", "t = x.to(torch.float32)", "t = x.to(torch.float64)", {}, id="another `to`"),
        pytest.param("shape", "t = a + b", "t = (a + b).unsqueeze(0)", {"names": ["t"]}, id="one more axis"),
        pytest.param("shape", "t = a.view(2, 3)", "t = a", {}, id="never shaped"),
        pytest.param("transpose", "y = a.T", "y = a", {}, id="not transposed"),
        pytest.param("transpose", "y = a @ b", "y = b @ a", {}, id="factors the wrong way round"),
        pytest.param(
            "requires_grad",
            "x = torch.tensor(1., requires_grad=True)",
            "x = torch.tensor(1., requires_grad=False)",
            {},
            id="a leaf that nobody differentiates by",
        ),
        pytest.param("requires_grad", "x = a.requires_grad_()", "x = a", {}, id="by method"),
        pytest.param("zero_grad", "y = 1\noptimizer.zero_grad()", "y = 1\n", {}, id="by the optimiser"),
        pytest.param("zero_grad", "w.grad.zero_()\ny = 1", "y = 1", {}, id="by hand"),
        pytest.param("zero_grad", "w.grad = None\ny = 1", "y = 1", {}, id="by taking it away"),
        pytest.param(
            "no_grad",
            "with torch.no_grad():\n    w -= g",
            "with torch.enable_grad():\n    w -= g",
            {},
            id="an update that autograd follows",
        ),
        pytest.param("detach", "y = x.detach()", "y = x", {}, id="forgotten"),
        pytest.param("detach", "y = f(x)\ny.backward()", "y = f(x).detach()\ny.backward()", {}, id="too much"),
        pytest.param(
            "data",
            "y = f(x)",
            "y = f(x.data)",
            {"before": ["x = torch.tensor(1., requires_grad=True)"]},
            id="numbers without a graph",
        ),
        pytest.param(
            "backward_twice",
            "for i in r:\n    y.backward()",
            "for i in r:\n    y.backward(retain_graph=True)\n    y.backward()",
            {},
            id="the gradient is doubled",
        ),
        pytest.param("in_place", "y = x + 1", "y = x.add_(1)", {}, id="changes its argument"),
        pytest.param(
            "numpy", "t = torch.tensor([1])", "import numpy as np\nt = np.array([1])", {}, id="another library"
        ),
        pytest.param("hard_coded", "y = a + b", "y = 7", {"names": ["y"], "literals": {"y": "7"}}, id="a value"),
        pytest.param(
            "hard_coded", "print(a + b)", "print('7')", {"is_shown": True, "printed": {0: "7"}}, id="what is printed"
        ),
        pytest.param(
            "value_for_gradient",
            "y.backward()\nprint(x.grad)",
            "print(y)",
            {},
            id="nothing is differentiated, by backward",
        ),
        pytest.param(
            "value_for_gradient",
            "(g,) = torch.autograd.grad(y, x)",
            "(g,) = (y,)",
            {},
            id="nothing is differentiated, by grad",
        ),
        pytest.param("stale", "y = f(b)", "y = f(a)", {"before": ["a = 1", "b = 2"]}, id="an older variable"),
        pytest.param("statement", "x = a\nx += 1", "x = a\n", {}, id="a step is left out"),
        pytest.param("learning_rate", "o = SGD(p, lr=0.1)", "o = SGD(p, lr=0.001)", {}, id="far too small"),
        pytest.param("learning_rate", "lr = 0.1", "lr = 0.0", {}, id="none at all"),
        pytest.param("steps", "for i in range(10):\n    f()", "for i in range(1):\n    f()", {}, id="only once"),
        pytest.param("steps", "for i in range(n):\n    f()", "for i in range(n - 1):\n    f()", {}, id="once less"),
        pytest.param("activation", "y = torch.relu(x)", "y = torch.tanh(x)", {}, id="another function"),
        pytest.param("activation", "l = nn.CELU()", "l = nn.SELU()", {}, id="another layer"),
        pytest.param("mode", "model.eval()\ny = model(x)", "y = model(x)", {}, id="forgotten"),
        pytest.param(
            "labels",
            "for x, y in d:\n    l = loss_fn(model(x), y)",
            "for x, y in d:\n    l = loss_fn(model(x), y.flip(0))",
            {},
            id="shuffled",
        ),
    ],
)
def test_every_mistake_is_made_where_it_can_happen(operator, source, mutant, known):
    assert mutant in sources_of(source, Operator(operator), **known)


def test_the_list_above_leaves_no_operator_out():
    marks = test_every_mistake_is_made_where_it_can_happen.pytestmark
    tried = {case.values[0] for mark in marks if mark.name == "parametrize" for case in mark.args[1]}

    assert tried == {operator.value for operator in Operator}


@pytest.mark.parametrize(
    ("source", "known"),
    [
        pytest.param("plt.plot(x, y, linewidth=2)", {}, id="a picture's style"),
        pytest.param("torch.manual_seed(0)", {}, id="the seed that was given"),
        pytest.param("print(f'{a + 1} {t[0]}')", {}, id="inside an f-string, whose places Python 3.11 does not know"),
        pytest.param("print(y)", {"before": ["x = 1", "y = 2"]}, id="a display that no check looks at"),
        pytest.param("y", {"before": ["x = 1", "y = 2"]}, id="a last value that no check looks at"),
        pytest.param("import torch", {}, id="an import"),
        pytest.param("%%bash\necho 1 + 1", {}, id="another language"),
        pytest.param("y = (1 +", {}, id="no Python at all"),
    ],
)
def test_nothing_is_changed_where_no_answer_stands(source, known):
    assert mutants_of(source, **known) == ()


def test_a_leaf_in_double_precision_is_a_mistake_only_where_its_dtype_is_looked_at():
    source = "x = torch.tensor(1.0, requires_grad=True)"
    double = "x = torch.tensor(1.0, requires_grad=True, dtype=torch.float64)"

    assert double not in sources_of(source, Operator.DTYPE, names=["x"])
    assert double in sources_of(source, Operator.DTYPE, names=["x"], typed=frozenset({"x"}))
    assert double in sources_of(source, Operator.DTYPE, is_shown=True)


def test_a_display_is_changed_where_a_check_compares_what_is_shown():
    found = sources_of("print(y)", Operator.STALE, before=["x = 1", "y = 2"], is_shown=True)

    assert found == ["print(x)"]


def test_a_picture_is_left_out_where_a_check_looks_at_it():
    assert sources_of("plt.plot(x)\ny = 1", Operator.STATEMENT, is_drawn=True) == ["y = 1"]


def test_a_typed_answer_is_not_typed_again():
    known = {"names": ["t"], "literals": {"t": "torch.tensor([1, 2], dtype=torch.int64)"}}

    assert sources_of("t = torch.tensor([1, 2])", Operator.HARD_CODED, **known) == []
    assert sources_of("t = a + 1", Operator.HARD_CODED, **known) == ["t = torch.tensor([1, 2], dtype=torch.int64)"]


def test_a_lone_statement_leaves_a_cell_that_can_still_be_found():
    assert sources_of("print(t.size())", Operator.STATEMENT, is_shown=True) == ["pass"]


REFERENCE = "def f(x):\n    return 2 * x**3 - 3 * x**2 + 1\n\nt = torch.tensor([1, 2, 3])\ny = f(t).sum()\nprint(y)"


def test_mutants_are_python_and_differ_from_the_reference_and_each_other():
    found = mutants_of(REFERENCE, names=["t", "y"], is_shown=True)

    trees = [ast.dump(ast.parse(mutant.source)) for mutant in found]
    assert len(found) > 40
    assert len(set(trees)) == len(trees)
    assert ast.dump(ast.parse(REFERENCE)) not in trees


def test_ids_are_unique_and_outlive_a_change_elsewhere():
    ids = {mutant.mutant_id: mutant.source for mutant in mutants_of(REFERENCE)}
    moved = {mutant.mutant_id for mutant in mutants_of(REFERENCE, before=["a = 1", "b = 2"])}

    assert len(ids) == len(mutants_of(REFERENCE))
    assert ids.keys() <= moved
    assert all(len(mutant_id) == 8 and mutant_id.startswith("m") for mutant_id in ids)


def test_equal_mistakes_at_different_places_have_different_ids():
    first, second = (
        m for m in mutants_of("y = 5 + x\nz = 5 + x") if (m.operator, m.facts["after"]) == ("sign", "-(5 + x)")
    )

    assert first.mutant_id != second.mutant_id
    assert (first.line, second.line) == (1, 2)


def test_a_limit_is_spread_over_the_operators_and_never_depends_on_chance():
    every = mutants_of(REFERENCE)
    few = mutants_of(REFERENCE, limit=12)

    assert [mutant.mutant_id for mutant in mutants_of(REFERENCE, limit=12)] == [mutant.mutant_id for mutant in few]
    assert len(few) == 12
    assert len({mutant.operator for mutant in few}) == min(12, len({mutant.operator for mutant in every}))


def test_a_limit_on_all_questions_takes_from_those_with_the_most():
    q2 = QuestionId("q2")
    answers = {Q1: Answer(names=frozenset()), q2: Answer(names=frozenset())}
    reference = notebook(REFERENCE, "y = -a")

    found = make_mutants(reference, cells={Q1: (0,), q2: (1,)}, answers=answers, total=10)

    counts = Counter(mutant.question_id for mutant in found)
    alone = make_mutants(reference, cells={q2: (1,)}, answers=answers)
    assert counts["q2"] == len(alone)
    assert sum(counts.values()) == 10


def test_mutants_that_somebody_decided_about_come_whatever_the_limit():
    few = {mutant.mutant_id for mutant in mutants_of(REFERENCE, limit=3)}
    decided = next(m.mutant_id for m in mutants_of(REFERENCE) if m.mutant_id not in few)

    assert {mutant.mutant_id for mutant in mutants_of(REFERENCE, limit=3, always=[decided])} == few | {decided}


def test_a_mutant_knows_its_place_and_shows_its_difference():
    mutant = next(m for m in mutants_of(REFERENCE, before=["a = 1"]) if m.operator is Operator.AGGREGATE)

    assert (mutant.question_id, mutant.cell, mutant.line, mutant.function) == ("q1", 1, 5, None)
    assert mutant.facts["cell"] == 2
    assert "-y = f(t).sum()\n+y = f(t).mean()" in mutant.diff
    assert mutant.in_notebook(notebook("a = 1", REFERENCE)).cells[0].source == "a = 1"
    assert mutant.in_notebook(notebook("a = 1", REFERENCE)).cells[1].source == mutant.source


def test_a_mutant_inside_a_function_names_it():
    functions = {mutant.function for mutant in mutants_of(REFERENCE) if mutant.operator is Operator.TERM}

    assert functions == {"f"}


def test_a_cell_of_two_questions_is_mutated_once():
    q2 = QuestionId("q2")
    answers = {Q1: Answer(names=frozenset()), q2: Answer(names=frozenset())}

    found = make_mutants(notebook("y = a + b"), cells={Q1: (0,), q2: (0,)}, answers=answers)

    assert {mutant.question_id for mutant in found} == {"q1"}


def test_wide_characters_before_a_change_do_not_shift_it():
    assert "y = '温度'; z = a - b" in sources_of("y = '温度'; z = a + b", Operator.ARITHMETIC)


NAMES = st.sampled_from(["a", "b", "x"])
NUMBERS = st.integers(0, 9).map(str)
EXPRESSIONS = st.recursive(
    NAMES | NUMBERS,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["+", "-", "*", "/", "**", "@", "<", "and"]), inner).map(
            lambda parts: f"({' '.join(parts)})"
        ),
        st.tuples(inner, NUMBERS).map(lambda parts: f"({parts[0]})[{parts[1]}:]"),
        inner.map(lambda text: f"-{text}"),
        inner.map(lambda text: f"({text}).sum()"),
        inner.map(lambda text: f"f({text}, '日本', k=True)"),
    ),
    max_leaves=8,
)


@given(EXPRESSIONS, st.booleans())
def test_any_expression_gives_mutants_that_parse(expression, is_shown):
    source = f"y = {expression}  # 注\nprint(y, {expression})"
    before = ["a = torch.tensor(1., requires_grad=True)\nb = 2\ny.backward()"]

    for mutant in mutants_of(source, before=before, is_shown=is_shown, names=["y"]):
        assert ast.dump(ast.parse(mutant.source)) != ast.dump(ast.parse(source))
        assert mutant.diff
