"""The `written` kind decides nothing and says what a TA will find."""

import pytest
from pydantic import ValidationError

from grader.domain.execution import Evidence, Output
from grader.domain.result import Verdict
from grader.grading.checks.written import WrittenCheck

PLOT = Output(kind="display", text="", has_image=True)


def evidence(*written: str, has_attachments: bool = False, outputs: tuple[Output, ...] = ()) -> Evidence:
    return Evidence(
        source="",
        notebook_source="",
        outputs=outputs,
        cell_runs=(),
        replies={},
        written=written,
        has_attachments=has_attachments,
    )


@pytest.mark.parametrize(
    ("answer", "code", "characters"),
    [
        pytest.param(evidence("最後の 行を\n選ぶ", "-1 は末尾"), "written.waiting", 12, id="words in two cells"),
        pytest.param(evidence(), "written.empty", 0, id="nothing at all"),
        pytest.param(evidence(" \n ", "　"), "written.empty", 0, id="blank cells"),
        pytest.param(evidence(has_attachments=True), "written.attachment", 0, id="a photo"),
        pytest.param(evidence("上の写真", has_attachments=True), "written.attachment", 4, id="a photo and words"),
        pytest.param(evidence(outputs=(PLOT,)), "written.picture", 0, id="a plot that the code draws"),
        pytest.param(evidence("左が SGD", outputs=(PLOT,)), "written.waiting", 5, id="a plot and words"),
        pytest.param(evidence(outputs=(Output(kind="stdout", text="x"),)), "written.empty", 0, id="printed numbers"),
    ],
)
def test_written_answers_always_wait_for_a_person(answer: Evidence, code: str, characters: int) -> None:
    finding = WrittenCheck().evaluate(actual=answer, expected=evidence())
    assert (finding.verdict, finding.code) == (Verdict.NEEDS_REVIEW, code)
    assert finding.facts == {"characters": characters}


def test_it_asks_nothing_of_the_kernel() -> None:
    check = WrittenCheck()
    assert check.kind == "written"
    assert check.probes(source="x = 1", notebook_source="x = 1", inputs=()) == ()
    assert (check.answer_names, check.answer_patterns, check.draw_inputs(1)) == ((), (), ())
    assert not check.has_hidden_inputs


def test_it_has_no_settings() -> None:
    with pytest.raises(ValidationError):
        WrittenCheck.model_validate({"rubric": "why"})
