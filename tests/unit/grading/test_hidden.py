"""What must not occur, and may be there all the same: such code waits for a person, honest code does not."""

import pytest

from grader.domain.execution import Evidence
from grader.domain.result import Verdict
from grader.grading.checks.source import SourceCheck

REFERENCE = "def f(x):\n    return torch.exp(x) / torch.exp(x).sum()"
FORBIDDEN = {"pattern": "$X.softmax($$$)", "absent": True}


def find(source, *, before="import torch", settings=None, reference=REFERENCE):
    def evidence(source):
        return Evidence(source=source, notebook_source=f"{before}\n{source}", outputs=(), cell_runs=(), replies={})

    check = SourceCheck.model_validate(settings or FORBIDDEN)
    found = check.evaluate(actual=evidence(source), expected=evidence(reference))
    return found.verdict, found.code


@pytest.mark.parametrize(
    ("source", "before"),
    [
        pytest.param("f = lambda x: getattr(torch, 'soft' + 'max')(x, -1)", "", id="a name put together"),
        pytest.param("def f(x):\n    return eval('torch.soft' + 'max(x, -1)')", "", id="from a text"),
        pytest.param("def f(x):\n    exec(code)\n    return x", "", id="statements from a text"),
        pytest.param("def f(x):\n    return torch.__dict__[name](x, -1)", "", id="through a dictionary"),
        pytest.param("def f(x):\n    return vars(torch)[name](x, -1)", "", id="through vars"),
        pytest.param("g = torch.softmax\ndef f(x):\n    return g(x, -1)", "", id="an alias"),
        pytest.param("def f(x):\n    return g(x, -1)", "g = torch.softmax", id="an alias in an earlier cell"),
        pytest.param(
            "def f(x):\n    return g(x)", "def g(x):\n    return torch.softmax(x, -1)", id="a helper in an earlier cell"
        ),
        pytest.param(
            "def f(x):\n    return g(x)",
            "h = torch.softmax\ndef g(x):\n    return h(x, -1)",
            id="a helper that uses an alias",
        ),
        pytest.param("from torch import softmax as g\ndef f(x):\n    return g(x, -1)", "", id="an import"),
        pytest.param(
            "def f(x):\n    return g(x, -1)", "from torch import softmax as g", id="an import in an earlier cell"
        ),
        pytest.param("from torch import softmax\ndef f(x):\n    return softmax(x, -1)", "", id="without its module"),
    ],
)
def test_what_may_be_hidden_waits_for_a_person(source, before):
    assert find(source, before=f"import torch\n{before}") == (Verdict.NEEDS_REVIEW, "source.hidden")


@pytest.mark.parametrize(
    ("source", "before"),
    [
        pytest.param(REFERENCE, "torch.softmax(torch.ones(2), 0)", id="used elsewhere, for something else"),
        pytest.param(REFERENCE, "def g(x):\n    return torch.softmax(x, -1)", id="a helper that is not used"),
        pytest.param(REFERENCE, "make = getattr(torch, 'ones')", id="a name put together elsewhere"),
        pytest.param("def f(x):\n    return my_softmax(x)", "def my_softmax(x):\n    return x", id="a similar name"),
        pytest.param("def f(x, how):\n    return getattr(x, how)()", "", id="the method that is asked for"),
        pytest.param("def f(x):\n    return getattr(x, 'exp')()", "", id="another name written out"),
        pytest.param("# torch.softmax\ndef f(x):\n    'softmax'\n    return x", "", id="only mentioned in words"),
    ],
)
def test_honest_code_is_in_no_doubt(source, before):
    assert find(source, before=f"import torch\n{before}") == (Verdict.PASSED, "source.absent")


def test_a_tensor_s_grad_is_not_the_function_grad():
    settings = {"pattern": "torch.autograd.grad($$$)", "absent": True}

    assert find("print(W.grad)", settings=settings) == (Verdict.PASSED, "source.absent")
    assert find("from torch import autograd\nautograd.grad(y, W)", settings=settings)[1] == "source.hidden"
    assert find("engine = torch.autograd.grad\nengine(y, W)", settings=settings)[1] == "source.hidden"


def test_what_the_reference_does_too_is_in_no_doubt():
    reference = "def f(x):\n    return getattr(x, 'e' + 'xp')()"

    assert find(reference, reference=reference) == (Verdict.PASSED, "source.absent")


def test_a_pattern_about_what_a_call_is_given_is_not_about_its_function():
    settings = {"pattern": "torch.tensor([$A, $B])", "absent": True}

    assert find("f = torch.tensor([1.0])", settings=settings) == (Verdict.PASSED, "source.absent")


def test_a_statement_that_must_not_occur_has_no_other_name():
    settings = {"pattern": "k = torch.tensor([$$$])", "absent": True}

    assert find("k = x.clone()", before="x = torch.tensor([1.0])", settings=settings)[1] == "source.absent"
