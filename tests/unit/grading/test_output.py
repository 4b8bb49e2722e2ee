"""The `output` kind: what a question shows against what the reference shows."""

from random import Random

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from grader.domain.execution import CellError, CellRun, CellState, Evidence, Output
from grader.domain.result import Finding, Verdict
from grader.domain.values import ArrayValue
from grader.grading.checks.output import OutputCheck

T = torch.arange(24).reshape(4, 3, 2)
Q4 = str(T[:-1:])


def evidence(*outputs: Output | str, runs: tuple[CellRun, ...] = ()) -> Evidence:
    shown = tuple(Output(kind="stdout", text=one) if isinstance(one, str) else one for one in outputs)
    return Evidence(source="", notebook_source="", outputs=shown, cell_runs=runs, replies={})


def check(actual: str, expected: str) -> Finding:
    return OutputCheck().evaluate(actual=evidence(actual), expected=evidence(expected))


@pytest.mark.parametrize(
    ("actual", "expected"),
    [
        pytest.param(Q4, Q4, id="the same"),
        pytest.param(f"問題4の答え:\n{Q4}\n以上です", Q4, id="words around"),
        pytest.param(f"{T}\n{Q4}\n{T.size()}", Q4, id="other things shown too"),
        pytest.param(Q4.replace(" ", "  "), Q4, id="other spacing"),
        pytest.param("tensor(-12., grad_fn=<A object at 0x7f01>)", "tensor(-12., grad_fn=<A>)", id="an address"),
        pytest.param("tensor(-12., requires_grad=True)", "tensor(-12.)", id="autograd's marks"),
        pytest.param("tensor([1], device='cuda:0')", "tensor([1])", id="another device"),
        pytest.param("-12.0", "tensor(-12.)", id="item() of a tensor without axes"),
        pytest.param("-12", "tensor(-12.)", id="a whole number"),
        pytest.param("tensor(0.3171)", "tensor(0.31713)", id="fewer digits"),
        pytest.param("tensor([0.3171])", "tensor([0.3172])", id="the last digit"),
        pytest.param("torch.Size([4, 3, 2])", "torch.Size([4, 3, 2])", id="size"),
        pytest.param("(4, 3, 2)", "torch.Size([4, 3, 2])", id="size as a tuple"),
        pytest.param("[4, 3, 2]", "torch.Size([4, 3, 2])", id="size as a list"),
        pytest.param("[4 3 2]", "torch.Size([4, 3, 2])", id="size as a NumPy array"),
        pytest.param("4 3 2", "torch.Size([4, 3, 2])", id="size, number by number"),
        pytest.param("高さ 4\n幅 3\n奥行 2", "torch.Size([4, 3, 2])", id="size, line by line"),
        pytest.param("torch.Size([4, 3, 2])", "(4, 3, 2)", id="a tuple as a size"),
        pytest.param("torch.Size([])", "torch.Size([])", id="size of no axes"),
        pytest.param("a 1 b tensor([2, 3]) c", "1\ntensor([2, 3])", id="several, in order"),
        pytest.param("1 2 1 3", "1\n3", id="the first of two equal numbers will do"),
        pytest.param("x.grad = None, w.grad = tensor([3.])", "None\ntensor([3.])", id="None counts among numbers"),
        pytest.param("torch.float32 torch.Size([2])", "torch.float32 torch.Size([2])", id="a dtype counts too"),
        pytest.param("True", "True", id="bool"),
        pytest.param("tensor([nan, inf])", "tensor([nan, inf])", id="nan equals nan"),
        pytest.param("[[1 2]\n [3 4]]", "array([[1, 2],\n       [3, 4]])", id="NumPy, print and repr"),
        pytest.param("こんにちは　世界\n", "こんにちは 世界", id="words, full-width space"),
        pytest.param("answer: linear regression!", "linear regression", id="words among words"),
        pytest.param("<f at 0x7f11>", "<f at 0x7f22>", id="words with an address"),
        pytest.param("\x1b[31mtensor([1])\x1b[0m", "tensor([1])", id="colours"),
    ],
)
def test_equal_output_passes(actual: str, expected: str) -> None:
    finding = check(actual, expected)
    assert (finding.verdict, finding.code) == (Verdict.PASSED, "output.matches")


@pytest.mark.parametrize(
    ("actual", "expected", "code", "rung"),
    [
        pytest.param(str(T[:-1:].float()), Q4, "output.dtype", "dtype", id="floats print with a point"),
        pytest.param(str(T[:-1:].int()), Q4, "output.dtype", "dtype", id="int32"),
        pytest.param("tensor([True])", "tensor([1])", "output.dtype", "dtype", id="bools"),
        pytest.param("[1. 2.]", "[1 2]", "output.dtype", "dtype", id="NumPy floats"),
        pytest.param("2 tensor([1.])", "2\ntensor([1])", "output.dtype", "dtype", id="one of two"),
        pytest.param(str(T[:-1:].numpy()), Q4, "output.container", "type", id="NumPy instead of torch"),
        pytest.param(str(T[:-1:].tolist()), Q4, "output.container", "type", id="a list instead of a tensor"),
        pytest.param("tensor([4, 3, 2])", "torch.Size([4, 3, 2])", "output.container", "type", id="a size as tensor"),
        pytest.param("[1. 2.]", "tensor([1, 2])", "output.container", None, id="container and dtype at once"),
        pytest.param(str(T), Q4, "output.shape", None, id="the whole tensor"),
        pytest.param("tensor([1, 9])", "tensor([1, 2])", "output.values", None, id="a wrong element"),
        pytest.param("tensor([[1, 3], [2, 4]])", "tensor([[1, 2], [3, 4]])", "output.values", None, id="transposed"),
        pytest.param("-24.0", "tensor(-12.)", "output.number", None, id="a wrong number"),
        pytest.param("答えは -12 です", "tensor(-24.)", "output.number", None, id="a wrong number among words"),
        pytest.param("こんにちは", "tensor(1.)", "output.not_shown", None, id="only words"),
        pytest.param("5", "tensor([1, 2])", "output.not_shown", None, id="something else"),
        pytest.param("tensor([3.])", "None\ntensor([3.])", "output.item_not_shown", None, id="None is missing"),
        pytest.param("2 1", "1\n2", "output.order", None, id="the other way round"),
        pytest.param("1", "True", "output.number", None, id="one is not True"),
        pytest.param("4 2 3", "torch.Size([4, 3, 2])", "output.not_shown", None, id="size in another order"),
        pytest.param("torch.Size([4, 2, 3])", "torch.Size([4, 3, 2])", "output.values", None, id="another size"),
        pytest.param("torch.float64", "torch.float", "output.text", None, id="a word that only begins like it"),
        pytest.param("a\nc", "a\nb", "output.line_missing", None, id="a line is missing"),
        pytest.param("b\na", "a\nb", "output.line_missing", None, id="lines in another order"),
    ],
)
def test_other_output_fails_with_its_reason(actual: str, expected: str, code: str, rung: str | None) -> None:
    finding = check(actual, expected)
    assert (finding.verdict, finding.code, finding.rung) == (Verdict.FAILED, code, rung)


def test_a_mismatch_tells_how_many_elements_differ_and_brings_both_values_for_a_diagnosis() -> None:
    finding = check("tensor([1, 3]) tensor([[2, 4], [6, 9]])", "tensor([[1, 2], [3, 4]])")
    assert finding.facts == {"position": 1, "count": 1, "different": 4, "elements": 4}
    assert isinstance(finding.actual, ArrayValue)
    assert isinstance(finding.expected, ArrayValue)
    assert (finding.actual.shape, finding.actual.dtype) == ((2, 2), "int64")


def test_the_nearest_of_several_is_explained() -> None:
    assert check("tensor([9, 9, 3]) tensor([1, 2, 9]) 7", "tensor([1, 2, 3])").facts["different"] == 1


def test_only_what_cells_show_counts_in_their_order() -> None:
    expected = evidence("tensor([1, 2])\n", Output(kind="result", text="3"))
    shown = (
        Output(kind="stderr", text="tensor([1, 2]) 3"),
        Output(kind="stdout", text="ten"),
        Output(kind="stdout", text="sor([1, 2])"),
        Output(kind="display", text="", has_image=True),
        Output(kind="error", text="3"),
    )
    assert OutputCheck().evaluate(actual=evidence(*shown), expected=expected).verdict is Verdict.FAILED
    complete = evidence(*shown, Output(kind="result", text="3"))
    assert OutputCheck().evaluate(actual=complete, expected=expected).verdict is Verdict.PASSED


def test_two_cells_are_never_glued_together() -> None:
    runs = tuple(
        CellRun(index=index, state=CellState.OK, outputs=(Output(kind="stdout", text=text),))
        for index, text in enumerate("12")
    )
    outputs = tuple(output for run in runs for output in run.outputs)
    actual = evidence(*outputs, runs=runs)
    assert OutputCheck().evaluate(actual=actual, expected=evidence("1\n2")).verdict is Verdict.PASSED
    assert OutputCheck().evaluate(actual=actual, expected=evidence("12")).verdict is Verdict.FAILED


@pytest.mark.parametrize(
    "outputs", [(), ("  \n",), (Output(kind="stderr", text="5"),), (Output(kind="display", text="", has_image=True),)]
)
def test_showing_nothing_is_missing(outputs: tuple[Output | str, ...]) -> None:
    finding = OutputCheck().evaluate(actual=evidence(*outputs), expected=evidence("5"))
    assert (finding.verdict, finding.code) == (Verdict.MISSING, "output.nothing")


def test_showing_nothing_because_a_cell_raised_says_so() -> None:
    raised = CellRun(index=6, state=CellState.RAISED, error=CellError(name="NameError", message="t", line=1))
    finding = OutputCheck().evaluate(actual=evidence(runs=(raised,)), expected=evidence("5"))
    assert (finding.verdict, finding.code) == (Verdict.MISSING, "output.nothing_raised")
    assert finding.facts == {"cell": 7, "error": "NameError"}


@pytest.mark.parametrize(
    ("actual", "expected", "code"),
    [
        pytest.param("5", " \n", "output.reference_shows_nothing", id="nothing to compare with"),
        pytest.param(
            " ".join(str(number) for number in range(1000)),
            "tensor(777.)",
            "output.too_many",
            id="every number there is",
        ),
        pytest.param("7 " * 120_000, "tensor([1, 2])", "output.too_long", id="more than is read"),
        pytest.param(str(torch.arange(2000)), str(torch.arange(20)), "output.abbreviated", id="abbreviated"),
    ],
)
def test_what_cannot_be_decided_is_left_to_a_person(actual: str, expected: str, code: str) -> None:
    finding = check(actual, expected)
    assert (finding.verdict, finding.code) == (Verdict.NEEDS_REVIEW, code)


def test_the_end_of_a_long_output_is_read() -> None:
    assert check("epoch\n" * 50_000 + "tensor([1, 2])", "tensor([1, 2])").verdict is Verdict.PASSED


def test_two_abbreviated_tensors_are_compared_by_what_is_visible() -> None:
    assert check(str(torch.arange(2000)), str(torch.arange(2000))).verdict is Verdict.PASSED


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(-9, 9), min_size=1, max_size=12), st.sampled_from([torch.int64, torch.float32]))
def test_whatever_torch_shows_matches_itself_among_other_things(numbers: list[int], dtype: torch.dtype) -> None:
    tensor = torch.tensor(numbers, dtype=dtype)
    assert check(f"a\n{tensor}\n{numbers[0]}", f"{tensor!s}").verdict is Verdict.PASSED


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="[](), 12.-e\ntensorarySizNo", max_size=80), st.text(max_size=40))
def test_no_output_raises_and_all_output_matches_itself(actual: str, expected: str) -> None:
    assert check(actual, expected).verdict in Verdict
    if actual.strip():
        assert check(actual, actual).verdict is Verdict.PASSED


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param("printed", id="another expectation"),
        pytest.param({"expected": "t"}, id="typed output"),
        pytest.param({"tolerance": 1}, id="unknown field"),
        pytest.param({"rtol": 0.1}, id="half a tolerance"),
        pytest.param({"order": "reverse"}, id="unknown order"),
        pytest.param({"ignore": ["[a-"]}, id="no regular expression"),
        pytest.param({"ignore": [".*"]}, id="everything is noise"),
        pytest.param({"ignore": [r"(a+)+b"]}, id="takes exponential time"),
        pytest.param({"ignore": [r"(x)\1"]}, id="a reference back"),
        pytest.param({"ignore": [r"a+b+c+"]}, id="takes cubic time"),
    ],
)
def test_an_authors_mistake_is_refused(wrong: object) -> None:
    with pytest.raises(ValidationError):
        OutputCheck.model_validate(wrong)


def test_short_forms() -> None:
    assert OutputCheck.model_validate("reference") == OutputCheck.model_validate({}) == OutputCheck()
    assert OutputCheck.model_validate({"ignore": "timings"}) == OutputCheck(ignore=("timings",))
    assert OutputCheck().model_dump(exclude_defaults=True) == {}


def judge(actual: str, expected: str, **given: object) -> Finding:
    return OutputCheck.model_validate(given).evaluate(actual=evidence(actual), expected=evidence(expected))


@pytest.mark.parametrize(
    ("actual", "expected", "bounds", "passes"),
    [
        pytest.param("tensor(0.52)", "tensor(0.5)", (0.0, 0.05), True, id="within atol"),
        pytest.param("tensor(0.58)", "tensor(0.5000)", (0.0, 0.05), False, id="beyond it"),
        pytest.param("tensor([110.0])", "tensor([100.0])", (0.1, 0.0), True, id="within rtol"),
        pytest.param("tensor([111.0])", "tensor([100.0])", (0.1, 0.0), False, id="rtol is of the reference's number"),
        pytest.param("accuracy 0.93", "accuracy 0.95", (0.0, 0.05), True, id="a number among words"),
        pytest.param("correct 93", "correct 95", (0.0, 3.0), True, id="whole numbers, too"),
        pytest.param("correct 93", "correct 95", (0.0, 1.0), False, id="too far for a whole number"),
        pytest.param("True", "False", (0.0, 3.0), False, id="no tolerance for truth"),
        pytest.param("1.00001", "1.00009", (0.0, 0.0), False, id="exactly"),
        pytest.param("1.00001", "1.00001", (0.0, 0.0), True, id="exactly equal"),
    ],
)
def test_an_authors_tolerance_takes_the_place_of_the_dtypes(
    actual: str, expected: str, bounds: tuple[float, float], passes: bool
) -> None:
    finding = judge(actual, expected, rtol=bounds[0], atol=bounds[1])
    assert (finding.verdict is Verdict.PASSED) is passes


@pytest.mark.parametrize(
    ("actual", "expected", "code"),
    [
        pytest.param("3\ntensor([1, 2])", "tensor([1, 2])\n3", "output.matches", id="the other way round"),
        pytest.param("2 1 1", "1 1 2", "output.matches", id="twice the same"),
        pytest.param("2 1", "1 1 2", "output.too_seldom", id="shown once, wanted twice"),
        pytest.param("2 9", "1 2", "output.item_number", id="one is wrong"),
        pytest.param("torch.int64 2 3", "torch.Size([2, 3])\ntorch.int64", "output.matches", id="a size in numbers"),
        pytest.param("tensor([2.]) 1", "1\ntensor([2])", "output.dtype", id="another dtype"),
        pytest.param("b\na", "a\nb", "output.matches", id="lines of words"),
        pytest.param("a", "a\nb", "output.line_missing", id="a line is missing"),
    ],
)
def test_order_may_be_any(actual: str, expected: str, code: str) -> None:
    assert judge(actual, expected, order="any").code == code


def test_too_much_to_look_through_in_any_order_is_for_a_person() -> None:
    finding = judge("1 " * 90_000 + "3", "\n".join("2" * 40), order="any")
    assert (finding.verdict, finding.code) == (Verdict.NEEDS_REVIEW, "output.too_many")


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 4), min_size=1, max_size=6), st.randoms())
def test_any_shuffle_of_what_is_wanted_passes_and_one_less_does_not(numbers: list[int], random: Random) -> None:
    shuffled = random.sample(numbers, len(numbers))
    wanted = "\n".join(map(str, numbers))
    assert judge("\n".join(map(str, shuffled)), wanted, order="any").verdict is Verdict.PASSED
    assert judge("\n".join(["none", *map(str, shuffled[1:])]), wanted, order="any").verdict is Verdict.FAILED


@pytest.mark.parametrize(
    ("options", "actual"),
    [
        pytest.param({"precision": 2}, torch.tensor([3.14159, 100.5]), id="fewer digits"),
        pytest.param({"precision": 8}, torch.tensor([3.14159, 100.5]), id="more digits"),
        pytest.param({"sci_mode": True}, torch.tensor([3.14159, 100.5]), id="powers of ten"),
        pytest.param({"sci_mode": False}, torch.tensor([1e-7, 12345.678]), id="no powers of ten"),
        pytest.param({"linewidth": 20}, torch.arange(30.0), id="short lines"),
        pytest.param({"threshold": 5, "edgeitems": 2}, torch.arange(50.0), id="both left out alike"),
    ],
)
def test_print_options_are_no_mistake(options: dict[str, object], actual: torch.Tensor) -> None:
    plain = str(actual)
    try:
        torch.set_printoptions(**options)
        other = str(actual)
    finally:
        torch.set_printoptions(profile="default", sci_mode=None)
    assert plain != other or "linewidth" not in options
    expected = other if "threshold" in options else plain
    assert check(other, expected).verdict is Verdict.PASSED


@pytest.mark.parametrize("shape", [(2000,), (100, 100), (3, 2000), (20, 20, 20), (1001, 2)])
def test_a_full_print_matches_an_abbreviated_one(shape: tuple[int, ...]) -> None:
    tensor = torch.arange(torch.Size(shape).numel()).reshape(shape)
    short = str(tensor)
    full = f"tensor({tensor.tolist()})"
    assert "..." in short
    assert check(full, short).verdict is Verdict.PASSED
    assert check(full.replace("[0, 1", "[7, 1"), short).verdict is not Verdict.PASSED
    finding = check(short, full)
    assert (finding.verdict, finding.code) == (Verdict.NEEDS_REVIEW, "output.abbreviated")


def test_the_gap_between_two_runs_is_measured_in_tolerances() -> None:
    def gap(actual: str, expected: str, **given: object) -> float | None:
        return OutputCheck.model_validate(given).overshoot(actual=evidence(actual), expected=evidence(expected))

    assert gap("tensor(1.5)", "tensor(1.0)", rtol=0.0, atol=1.0) == pytest.approx(0.5 / 1.05, abs=0.05)
    assert gap("tensor([1., 4.])", "tensor([1., 1.])", rtol=0.0, atol=1.0) == pytest.approx(3.0)
    assert gap("tensor(1.)", "tensor(1.)") == 0.0
    assert gap("words", "words") is None
    assert gap("tensor([1., 2.])", "tensor([1.])") is None


def test_it_asks_nothing_of_the_kernel() -> None:
    check_logic = OutputCheck()
    assert (check_logic.kind, check_logic.RUNGS) == ("output", ("type", "dtype"))
    assert check_logic.probes(source="", notebook_source="", inputs=()) == ()
    assert (check_logic.answer_names, check_logic.answer_patterns) == ((), ())
