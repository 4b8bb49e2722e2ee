"""Which later cells can feel a change: too many costs time, one too few hides a spec that charges twice."""

import pytest

from grader.authoring.reach import find_reach

SETUP = "import torch\nfrom torch import nn\nimport numpy as np"


def reached(*sources, cell=1, changed=None):
    """Places of the cells that a change in one of them reaches; the first cell is the usual imports."""
    numbered = dict(enumerate((SETUP, *sources)))
    return sorted(find_reach(numbered, cell=cell, source=changed or numbered[cell]).cells)


def test_a_cell_that_has_no_name_in_common_feels_nothing():
    assert reached("a = torch.ones(3)", "b = torch.zeros(2)\nprint(b)") == [1]


def test_what_is_built_on_a_changed_variable_feels_it_however_far_behind():
    assert reached("a = torch.ones(3)", "b = a * 2", "z = 1", "c = b.sum()") == [1, 2, 4]


def test_a_variable_that_is_bound_anew_carries_nothing_on():
    assert reached("x = torch.ones(3)\nprint(x)", "x = torch.zeros(2)", "y = x + 1") == [1]


@pytest.mark.parametrize(
    ("change", "later"),
    [
        pytest.param("y = (w ** 2).sum()\ny.backward()", "g = w.grad", id="backward fills grad"),
        pytest.param("a = np.zeros(3)\nw.copy_(torch.from_numpy(a))", "b = w + 1", id="a method in place"),
        pytest.param("w.data = torch.zeros(3)", "b = w + 1", id="an attribute"),
        pytest.param("w[0] = 5", "b = w + 1", id="an element"),
        pytest.param("v = w\nv += 1", "b = w + 1", id="through another name of the same object"),
        pytest.param("torch.add(w, 1, out=w)", "b = w + 1", id="out="),
        pytest.param("nn.init.ones_(w)", "b = w + 1", id="an initialiser"),
        pytest.param("unheard_of(w)", "b = w + 1", id="a function that nobody knows"),
        pytest.param("for p in [w]:\n    p.grad.zero_()", "b = w.grad", id="in a loop"),
    ],
)
def test_what_changes_an_object_reaches_whoever_uses_it(change, later):
    assert reached("w = torch.ones(3, requires_grad=True)", change, later, "c = 1", cell=2) == [2, 3]


def test_a_function_s_body_counts_where_it_is_called():
    body = "def f(t):\n    return t * factor"
    assert reached("factor = 2", body, "y = f(torch.ones(3))", "def g(t):\n    return t") == [1, 2, 3]


def test_a_function_s_own_variables_are_nobody_else_s():
    assert reached("x = 3", "def f(x):\n    step = x + 1\n    return step", "y = f(5)", "step = 1") == [1]


def test_a_function_that_changes_what_it_is_given_passes_changes_on():
    update = "def update(weights):\n    weights -= 1"
    assert reached("w = torch.ones(3)", update, "update(w)", "b = w + 1", cell=3) == [3, 4]


@pytest.mark.parametrize(
    "later",
    [
        "b = torch.randn(3)",
        "b = np.random.normal(size=3)",
        "net = nn.Linear(2, 2)",
        "for batch in DataLoader(data, shuffle=True):\n    print(batch)",
    ],
)
def test_who_draws_by_chance_feels_that_someone_else_did(later):
    assert reached("a = torch.rand(2)", "c = 1", later) == [1, 3]


def test_a_class_with_random_weights_draws_where_it_is_made():
    net = "class Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n        self.l = nn.Linear(1, 1)"
    assert reached(net, "torch.manual_seed(0)", "model = Net()", cell=2) == [2, 3]


@pytest.mark.parametrize("switch", ["torch.set_default_dtype(torch.float64)", "torch.set_grad_enabled(False)"])
def test_a_switch_for_the_whole_session_reaches_everything(switch):
    assert reached(switch, "a = 1", "b = 2") == [1, 2, 3]


def test_both_the_cell_as_it_was_and_as_it_is_count():
    assert reached("a = 1", "c = b", "d = a", changed="b = 1") == [1, 2, 3]


def test_a_cell_that_cannot_be_read_is_taken_for_the_worst():
    assert reached("a = (", "b = 2") == [1, 2]


def test_names_tell_what_may_be_another_one_in_the_end():
    sources = {0: SETUP, 1: "a = 1\nk = 2", 2: "b = a", 3: "k = 5"}
    assert find_reach(sources, cell=1, source="a = 3\nk = 2").names == {"a", "b"}
