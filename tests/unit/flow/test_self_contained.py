"""What of a notebook goes into the fresh kernel, and when a name that is missing only there is nobody's zero."""

import ast

import pytest
from doubles import FakeRunner
from hypothesis import given
from hypothesis import strategies as st

from grader.domain.assignment import Assignment, Question
from grader.domain.ids import QuestionId, VersionHash
from grader.domain.probe import TakeNames
from grader.domain.text import Text
from grader.domain.values import CallReply, CallsReply, ModuleReply, NamesReply, ScalarValue
from grader.flow.self_contained import ALONE, AskedAlone, ask_alone, definitions, needs_the_notebook

ONE = ScalarValue(type_name="int", value=1)


@pytest.mark.parametrize(
    "kept",
    [
        "def f(x):\n    # why\n    return x",
        "async def f(x):\n    return x",
        "class Net(Base):\n    size = 3",
        "@cache\n@other(1)\ndef f(x):\n    return x",
        "import torch, math as m",
        "from torch import nn",
        "f = lambda x: x ** 2",
        "EPS = 1e-5",
        "SIZES = (3, -4, [1, 2])",
        "A = B = 2",
        "N, M = 2, 3",
        "RATE: float = 0.1",
        "NAMES = {'a': 1}",
    ],
)
def test_a_definition_is_kept_as_it_was_written(kept):
    assert definitions(f"print(1)\n{kept}\nx = torch.rand(3)") == kept


@pytest.mark.parametrize(
    "left",
    [
        "print(1)",
        "t = torch.tensor([1, 2])",
        "y = x",
        "x.a = 1",
        "x[0] = 1",
        "x += 1",
        "for i in range(3):\n    k = 1",
        "if True:\n    def f(x): return x",
        "x: int",
        "'words'",
        "def broken(",
        "",
    ],
)
def test_what_computes_or_shows_is_left_out(left):
    assert definitions(left) == ""


def test_statements_on_one_line_are_told_apart():
    assert definitions("A = 1; print(A); f = lambda: A") == "A = 1\nf = lambda: A"


@given(st.text(max_size=200))
def test_any_text_gives_python_or_nothing(source):
    ast.parse(definitions(source))


def calls(*replies, name="f"):
    return {"calls": CallsReply(name=name, calls=replies)}


RIGHT, NO_NAME = CallReply(output=ONE), CallReply(error="NameError", error_line=2)


@pytest.mark.parametrize(
    ("alone", "here", "needs"),
    [
        pytest.param(calls(RIGHT), calls(RIGHT), False, id="right in both"),
        pytest.param(calls(NO_NAME), calls(RIGHT), True, id="a name is missing there only"),
        pytest.param(calls(NO_NAME), calls(NO_NAME), False, id="a name is missing in both"),
        pytest.param(calls(RIGHT, NO_NAME), calls(RIGHT, RIGHT), True, id="in one branch only"),
        pytest.param(
            calls(CallReply(error="UnboundLocalError")), calls(RIGHT), True, id="a local name that is never bound there"
        ),
        pytest.param(calls(CallReply(error="ValueError")), calls(RIGHT), False, id="another error"),
        pytest.param(calls(name=None), calls(RIGHT), True, id="it is not even defined there"),
        pytest.param(calls(name=None), calls(name=None), False, id="it is defined nowhere"),
        pytest.param({}, calls(RIGHT), False, id="nothing was answered"),
        pytest.param(calls(NO_NAME), {}, False, id="nothing was answered here"),
        pytest.param(
            {"module": ModuleReply(name="Net", error="NameError")},
            {"module": ModuleReply(name="Net")},
            True,
            id="module",
        ),
        pytest.param(
            {"module": ModuleReply(name="Net", calls={"train": (NO_NAME,)})},
            {"module": ModuleReply(name="Net", calls={"train": (RIGHT,)})},
            True,
            id="a module's forward",
        ),
        pytest.param({"names": NamesReply(values={})}, {"names": NamesReply(values={"x": ONE})}, False, id="variables"),
    ],
)
def test_only_a_name_that_the_notebook_has_calls_for_a_person(alone, here, needs):
    assert needs_the_notebook(alone=alone, here=here) is needs


def question(number):
    text = Text(ja="題", en="Title")
    return Question(question_id=QuestionId(f"q{number}"), number=number, title=text, prompt=text, checks=())


ASSIGNMENT = Assignment(
    slug="s",
    title=Text(ja="題", en="T"),
    version=VersionHash("a" * 64),
    questions=(question(1), question(2)),
    files={"data.txt": b"1"},
)


def asked(number, *cells):
    return AskedAlone(
        question=question(number), code_cells=cells, probes=(TakeNames(key=f"q{number}/names", names=("A", "x")),)
    )


def ask(runner, *questions, sources):
    return ask_alone(questions, assignment=ASSIGNMENT, sources=sources, runner=runner)


def test_each_question_has_the_definitions_up_to_its_own_end():
    runner = FakeRunner()

    replies = ask(runner, asked(2, 4), asked(1, 1), sources={0: "A = 1", 1: "x = A", 4: "A = 2", 6: "A = 3"})

    assert runner.runs == 1
    assert {key: reply.values["A"].value for key, reply in replies.items()} == {
        f"{ALONE}q1/names": 1,
        f"{ALONE}q2/names": 2,
    }
    assert all("x" not in reply.values for reply in replies.values())
    assert runner.files == {"data.txt": b"1"}


def test_questions_that_share_a_cell_are_both_asked():
    replies = ask(FakeRunner(), asked(1, 0), asked(2, 0), sources={0: "A = 1"})

    assert {reply.values["A"].value for reply in replies.values()} == {1}
    assert len(replies) == 2


def test_without_anything_to_ask_there_is_no_kernel():
    runner = FakeRunner()

    assert (
        ask(runner, asked(1), AskedAlone(question=question(2), code_cells=(0,), probes=()), sources={0: "A = 1"}) == {}
    )
    assert runner.runs == 0
