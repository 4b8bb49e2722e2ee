import pytest

from grader.notebook.names import bound_names, feeding, names_of_import, used_names


@pytest.mark.parametrize(
    ("source", "names"),
    [
        pytest.param("a = 1", {"a"}, id="assignment"),
        pytest.param("a, (b, *c) = f()", {"a", "b", "c"}, id="unpacking"),
        pytest.param("def f(x):\n    inner = 1", {"f"}, id="a function's locals are its own"),
        pytest.param("class C:\n    x = 1", {"C"}, id="class"),
        pytest.param("for i in r:\n    y = i", {"i", "y"}, id="loop"),
        pytest.param("with open('f') as g:\n    pass", {"g"}, id="with"),
        pytest.param("import a.b, c as d\nfrom e import f as g", {"a", "d", "g"}, id="imports"),
        pytest.param("x.grad = None", {"x"}, id="an attribute changes its owner"),
        pytest.param("x[0][1] = 2", {"x"}, id="an element changes its owner"),
        pytest.param("if t:\n    def f(): pass", {"f", "t"} - {"t"}, id="conditional function"),
        pytest.param("(n := 3)", {"n"}, id="walrus"),
        pytest.param("a = = 1", set(), id="syntax error binds nothing"),
        pytest.param("", set(), id="empty"),
        pytest.param("\0", set(), id="NUL"),
    ],
)
def test_bound_names_are_what_running_the_cell_would_bind(source, names):
    assert bound_names(source) == names


def test_used_names_look_into_functions_and_leave_builtins_out():
    assert used_names("def f(x):\n    return torch.sum(x) + offset\nprint(f(1))") == {"torch", "x", "offset", "f"}


def test_a_nesting_bomb_is_no_name_and_no_error():
    assert used_names("(" * 5000 + ")" * 5000) == frozenset()


@pytest.mark.parametrize(
    ("source", "names"),
    [
        pytest.param("import torchvision", {"torchvision"}, id="plain"),
        pytest.param("import torchvision.transforms as T", {"T"}, id="alias"),
        pytest.param("from torchvision import datasets, transforms as T", {"datasets", "T"}, id="from"),
        pytest.param("import torch, torchvision", {"torchvision"}, id="only the missing one"),
        pytest.param("try:\n    import torchvision\nexcept ImportError:\n    pass", {"torchvision"}, id="guarded"),
        pytest.param("import torch", set(), id="another package"),
    ],
)
def test_names_of_an_import(source, names):
    assert names_of_import(source, "torchvision") == names


def test_feeding_follows_names_to_the_cells_that_bind_them():
    cells = ["import torch", "x = torch.ones(2)", "y = 5", "z = x + 1", "print(z)"]

    assert feeding(cells, start=[4]) == {0, 1, 3, 4}


def test_feeding_takes_a_reused_name_from_its_last_cell():
    cells = ["x = 1", "x = 2", "print(x)"]

    assert feeding(cells, start=[2]) == {1, 2}


def test_feeding_never_looks_forward():
    cells = ["print(x)", "x = 1"]

    assert feeding(cells, start=[0]) == {0}
