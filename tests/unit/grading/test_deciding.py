"""A statement that holds because the student's own classes say so waits for a person; honest code does not."""

import pytest

from grader.domain.execution import Evidence
from grader.domain.result import Verdict
from grader.domain.values import NamesReply, ScalarValue, SequenceValue
from grader.grading.checks.value import ValueCheck

SHARES = "np.shares_memory(a.numpy(), b)"
TRUE = ScalarValue(type_name="bool", value=True)


def find(source, *, expression=SHARES, value=TRUE, reference="b = a.numpy()"):
    def evidence(source):
        reply = NamesReply(values={expression: value})
        return Evidence(source=source, notebook_source=source, outputs=(), cell_runs=(), replies={"names": reply})

    check = ValueCheck.model_validate({"expression": expression})
    found = check.evaluate(actual=evidence(source), expected=evidence(reference))
    return found.verdict, found.code


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("class A:\n    def numpy(self):\n        return b\na = A()", id="a method of an own class"),
        pytest.param("class A:\n    numpy = lambda self: b\na = A()", id="a lambda in an own class"),
        pytest.param("class A(torch.Tensor):\n    def numpy(self):\n        return b", id="a subclass"),
        pytest.param("a.numpy = lambda: b", id="an attribute of one tensor"),
        pytest.param("setattr(a, 'numpy', lambda: b)", id="an attribute set by its name"),
        pytest.param("A = type('A', (), {'numpy': lambda self: b})\na = A()", id="a class made by type"),
        pytest.param(
            "class B(np.ndarray):\n    def __array_function__(self, *a):\n        return True", id="NumPy's hook"
        ),
        pytest.param("class B:\n    def __eq__(self, other):\n        return True", id="equal to everything"),
        pytest.param(
            "def f():\n    class B:\n        __class__ = int\n    return B()\nb = f()", id="a class in a function"
        ),
        pytest.param("import sys\nfor m in sys.modules.values():\n    m.evaluate = print", id="the kernel's modules"),
        pytest.param("import gc\ngc.get_objects()", id="all objects"),
        pytest.param("import sys\nsys.settrace(print)", id="a trace"),
        pytest.param("from sys import setprofile as s\ns(print)", id="an import of a way in"),
        pytest.param("import ctypes", id="the memory itself"),
        pytest.param("get_ipython().kernel.session", id="the kernel"),
        pytest.param("exec(zlib.decompress(data))", id="code in a text"),
    ],
)
def test_an_own_answer_waits_for_a_person(source):
    assert find(source) == (Verdict.NEEDS_REVIEW, "value.own_answer")


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("b = a.numpy()", id="plain"),
        pytest.param("w.grad = None\nw.data = w.data * 2", id="what everybody sets"),
        pytest.param("import sys\nCOLAB = 'google.colab' in sys.modules", id="looking where it is"),
        pytest.param("import gc\ngc.collect()", id="freeing memory"),
        pytest.param("b = a.ctypes.data", id="NumPy's address"),
        pytest.param("model.eval()\nre.compile('a')", id="methods of such a name"),
        pytest.param(
            "class Net(nn.Module):\n    def __init__(self):\n        self.numpy = 3\n    def forward(self): pass",
            id="a module with its layers",
        ),
        pytest.param("class D(Dataset):\n    def __len__(self):\n        return 3", id="a data set"),
        pytest.param("print('numpy')", id="a word"),
    ],
)
def test_honest_code_is_in_no_doubt(source):
    assert find(source) == (Verdict.PASSED, "value.passed")


@pytest.mark.parametrize(
    ("value", "verdict"),
    [
        pytest.param(ScalarValue(type_name="str", value="cpu"), Verdict.NEEDS_REVIEW, id="a word"),
        pytest.param(SequenceValue(type_name="list", items=(TRUE, TRUE)), Verdict.NEEDS_REVIEW, id="truths"),
        pytest.param(ScalarValue(type_name="float", value=0.25), Verdict.PASSED, id="a number"),
    ],
)
def test_only_what_can_be_guessed_is_in_doubt(value, verdict):
    source = "class A:\n    def numpy(self):\n        return b"

    assert find(source, value=value)[0] is verdict


def test_a_statement_that_does_not_hold_is_wrong_whatever_the_code_defines():
    source = "class A:\n    def numpy(self):\n        return b"
    check = ValueCheck.model_validate({"expression": SHARES})

    def evidence(*, holds):
        reply = NamesReply(values={SHARES: ScalarValue(type_name="bool", value=holds)})
        return Evidence(source=source, notebook_source=source, outputs=(), cell_runs=(), replies={"names": reply})

    assert check.evaluate(actual=evidence(holds=False), expected=evidence(holds=True)).verdict is Verdict.FAILED


def test_what_the_reference_does_too_is_in_no_doubt():
    source = "class A:\n    def numpy(self):\n        return b\na = A()"

    assert find(source, reference=source) == (Verdict.PASSED, "value.passed")


def test_attributes_of_torch_itself_are_not_the_student_s():
    assert find("m.utils = 3", expression="torch.utils.data.DataLoader(x).batch_size") == (
        Verdict.PASSED,
        "value.passed",
    )
