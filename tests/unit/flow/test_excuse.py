from dataclasses import replace

import pytest

from grader.domain.execution import CellError, CellRun, CellState, Execution, Outcome
from grader.domain.ids import EnvironmentHash
from grader.domain.result import Finding, Verdict
from grader.domain.text import Language
from grader.feedback.catalogue import known_codes
from grader.flow.excuse import CUT_SHORT, NOT_THERE, Circumstances, excuse

WRONG = Finding(verdict=Verdict.FAILED, code="value.values_differ")
ABSENT = Finding(verdict=Verdict.MISSING, code="value.missing_name")
RIGHT = Finding(verdict=Verdict.PASSED, code="value.passed")
RAISED_IN_CALL = Finding(verdict=Verdict.FAILED, code="function.raised")


def run(index, state=CellState.OK, **more):
    return CellRun(index=index, state=state, **more)


def execution(*runs, outcome=Outcome.COMPLETED, gpu=None):
    return Execution(
        outcome=outcome,
        cells=runs,
        replies={},
        environment=EnvironmentHash("e"),
        executed_notebook=b"{}",
        gpu=gpu,
    )


def circumstances(sources, runs, *, of, outcome=Outcome.COMPLETED, gpu=None):
    return Circumstances.of(
        code_cells=of,
        runs=[each for each in runs if each.index in of],
        sources=dict(enumerate(sources)),
        execution=execution(*runs, outcome=outcome, gpu=gpu),
    )


def judged(finding, around, *, has_all_replies=True):
    return excuse(lambda: finding, around, has_all_replies=has_all_replies)


def test_a_right_answer_needs_no_excuse():
    around = circumstances(["x = 1"], [run(0, needs_gpu=True)], of=[0])

    assert judged(RIGHT, around) is RIGHT


def test_a_wrong_answer_in_calm_circumstances_stays_wrong():
    around = circumstances(["x = 1"], [run(0)], of=[0])

    assert judged(WRONG, around) is WRONG


@pytest.mark.parametrize(
    ("source", "finding"),
    [
        pytest.param("if torch.cuda.is_available():\n    t = t.cuda()", ABSENT, id="work done only with a GPU"),
        pytest.param(
            "def f(t):\n    return t.cuda()", replace(ABSENT, code="value.missing_expression"), id="a call of cuda()"
        ),
    ],
)
def test_where_there_was_a_gpu_the_want_of_one_excuses_nothing(source, finding):
    without, with_one = (circumstances([source], [run(0)], of=[0], gpu=gpu) for gpu in (None, "L4"))

    assert judged(finding, without).verdict is Verdict.NEEDS_GPU
    assert judged(finding, with_one) is finding


def test_a_call_that_raises_beside_a_gpu_may_only_have_met_our_inputs_on_the_cpu():
    source = "net = net.to('cuda')\ndef f(t):\n    return net(t)"
    without, with_one = (circumstances([source], [run(0)], of=[0], gpu=gpu) for gpu in (None, "L4"))

    assert judged(RAISED_IN_CALL, without).verdict is Verdict.NEEDS_GPU
    found = judged(RAISED_IN_CALL, with_one)
    assert (found.verdict, found.code) == (Verdict.NEEDS_REVIEW, "check.gpu_inputs")
    on_cpu_alone = circumstances(["def f(t):\n    return t + 1"], [run(0)], of=[0], gpu="L4")
    assert judged(RAISED_IN_CALL, on_cpu_alone) is RAISED_IN_CALL


def test_an_answer_that_stopped_for_want_of_a_gpu_is_pending():
    stopped = run(0, CellState.RAISED, error=CellError(name="AssertionError", message=""), needs_gpu=True)
    around = circumstances(["t = torch.ones(2).cuda()"], [stopped], of=[0])

    finding = judged(ABSENT, around)

    assert (finding.verdict, finding.facts) == (Verdict.NEEDS_GPU, {"cell": 1})


def test_a_later_question_that_builds_on_it_is_pending_too():
    runs = [run(0, CellState.RAISED, needs_gpu=True), run(1, CellState.RAISED)]
    around = circumstances(["t = torch.ones(2).cuda()", "print(t[0])"], runs, of=[1])

    assert judged(ABSENT, around).verdict is Verdict.NEEDS_GPU


def test_a_lecture_cell_without_gpu_excuses_no_unrelated_answer():
    runs = [run(0, CellState.RAISED, needs_gpu=True), run(1)]
    around = circumstances(["model = model.cuda()", "t = torch.ones(2)"], runs, of=[1])

    assert judged(WRONG, around) is WRONG


def test_an_answer_behind_a_gpu_guard_is_pending_when_it_is_missing():
    source = "if torch.cuda.is_available():\n    t = torch.ones(2)"
    around = circumstances([source], [run(0)], of=[0])

    assert judged(ABSENT, around).verdict is Verdict.NEEDS_GPU


def test_choosing_a_device_is_no_excuse_for_a_wrong_value():
    source = "device = 'cuda' if torch.cuda.is_available() else 'cpu'\nt = torch.zeros(2, device=device)"
    around = circumstances([source], [run(0)], of=[0])

    assert judged(WRONG, around) is WRONG


def test_a_hidden_call_that_raises_in_a_function_using_cuda_is_pending():
    around = circumstances(["def f(x):\n    return x.cuda() ** 2"], [run(0)], of=[0])

    assert judged(RAISED_IN_CALL, around).verdict is Verdict.NEEDS_GPU
    assert judged(replace(RAISED_IN_CALL, code="module.raised"), around).verdict is Verdict.NEEDS_GPU


UNCOMPUTED = Finding(verdict=Verdict.MISSING, code="value.missing_expression")


def test_an_expression_that_calls_a_function_calling_cuda_is_pending():
    around = circumstances(["def move(x):\n    return x.cuda()", "y = 1"], [run(0), run(1)], of=[0])

    assert judged(UNCOMPUTED, around).verdict is Verdict.NEEDS_GPU


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("if_any = torch.cuda.is_available()", id="it only asks for a GPU"),
        pytest.param("device = torch.device('cuda' if ready else 'cpu')", id="it runs without a GPU too"),
        pytest.param("x = y.cpu()", id="no word of a GPU"),
    ],
)
def test_an_expression_that_cannot_be_worked_out_for_another_reason_stays_missing(source):
    around = circumstances([source], [run(0)], of=[0])

    assert judged(UNCOMPUTED, around) is UNCOMPUTED


def test_a_missing_package_excuses_what_uses_its_names():
    runs = [run(0, missing_package="torchvision"), run(1, CellState.RAISED)]
    around = circumstances(["from torchvision import transforms as T", "t = T.ToTensor()(image)"], runs, of=[1])

    finding = judged(ABSENT, around)

    assert (finding.verdict, finding.facts) == (Verdict.NEEDS_PACKAGE, {"package": "torchvision"})


def test_a_missing_plotting_package_excuses_no_wrong_answer_beside_it():
    runs = [run(0, missing_package="japanize_matplotlib"), run(1)]
    around = circumstances(["import japanize_matplotlib\nimport torch", "t = torch.zeros(2)"], runs, of=[1])

    assert judged(WRONG, around) is WRONG


def test_questions_after_the_end_of_the_kernel_are_skipped_and_pending():
    runs = [run(0, CellState.ENDED_KERNEL), run(1, CellState.NOT_RUN)]
    around = circumstances(["import os; os._exit(0)", "t = 1"], runs, of=[1], outcome=Outcome.DIED)

    assert judged(ABSENT, around, has_all_replies=False).verdict is Verdict.SKIPPED


@pytest.mark.parametrize("outcome", sorted(set(Outcome) - {Outcome.COMPLETED, Outcome.SANDBOX_FAILED}))
def test_the_question_that_ended_the_kernel_is_told_how(outcome):
    around = circumstances(["boom()"], [run(0, CellState.ENDED_KERNEL)], of=[0], outcome=outcome)

    finding = judged(ABSENT, around, has_all_replies=False)

    assert (finding.verdict, finding.code) == (Verdict.FAILED, f"check.ended_{outcome.value}")


def test_an_unanswered_probe_is_for_a_person():
    around = circumstances(["t = 1"], [run(0)], of=[0])

    assert judged(ABSENT, around, has_all_replies=False).verdict is Verdict.NEEDS_REVIEW


def test_a_derivative_never_shown_behind_a_gpu_guard_is_about_the_gpu():
    nothing_shown = Finding(verdict=Verdict.NEEDS_REVIEW, code="gradient.not_shown")
    source = "if torch.cuda.is_available():\n    f(x.cuda()).backward()"
    around = circumstances([source], [run(0)], of=[0])

    assert judged(nothing_shown, around).verdict is Verdict.NEEDS_GPU


SLOW = [run(0, CellState.TIMED_OUT), run(1)]


@pytest.mark.parametrize(
    "code",
    ["value.missing_name", "value.expression_lacks", "function.missing_name", "training.no_losses", "figure.nothing"],
)
def test_what_an_interrupted_cell_did_not_come_to_is_told_as_that(code):
    around = circumstances(["while True: pass", "x = 1"], SLOW, of=[0, 1])
    absent = Finding(verdict=Verdict.MISSING, code=code, facts={"name": "t"})

    finding = judged(absent, around)

    assert (finding.verdict, finding.code, finding.facts) == (Verdict.MISSING, "check.not_there_in_time", {"cell": 1})


@pytest.mark.parametrize(
    "finding",
    [
        pytest.param(WRONG, id="a wrong value"),
        pytest.param(RIGHT, id="a right one"),
        pytest.param(
            Finding(verdict=Verdict.MISSING, code="value.other_name"), id="the right value under another name"
        ),
        pytest.param(Finding(verdict=Verdict.MISSING, code="value.missing_after_error"), id="an error is the reason"),
    ],
)
def test_what_is_there_is_told_as_it_is_though_a_cell_was_interrupted(finding):
    assert judged(finding, circumstances(["while True: pass", "x = 1"], SLOW, of=[0, 1])) is finding


def test_a_cell_of_another_question_that_was_interrupted_is_no_reason():
    around = circumstances(["while True: pass", "x = 1"], SLOW, of=[1])

    assert judged(ABSENT, around) is ABSENT


def test_every_code_that_means_not_there_is_known():
    assert known_codes(Language.EN) >= NOT_THERE | CUT_SHORT


def test_what_an_error_cut_short_is_told_as_that():
    stopped = run(0, CellState.RAISED, error=CellError(name="TypeError", message="m"))
    around = circumstances(["losses = []\nfor x in 3: losses.append(x)"], [stopped], of=[0])

    finding = judged(Finding(verdict=Verdict.FAILED, code="training.no_losses"), around)

    assert (finding.verdict, finding.code) == (Verdict.FAILED, "check.not_there_after_error")
    assert finding.facts == {"cell": 1, "error": "TypeError"}
    assert judged(WRONG, around) is WRONG
