"""Prompts as students read them: every gap shows what the reference prints, and nothing else is touched."""

from dataclasses import replace

import pytest

from grader.domain.assignment import Assignment
from grader.domain.execution import CellError, CellRun, CellState, Execution, Outcome, Output
from grader.domain.ids import EnvironmentHash, QuestionId, VersionHash
from grader.domain.text import Note, Text
from grader.errors import SpecDoesNotHold
from grader.flow.expected import Expected, encode_expected
from grader.flow.prompts import SHOWN_MAX_CHARACTERS, check_prompts, load_prompt_outputs, render_prompt
from grader.sandbox import wire

ASSIGNMENT = Assignment(slug="a", title=Text(ja="A", en="A"), version=VersionHash("v" * 64), questions=())

TENSOR = "tensor([[1, 2],\n        [3, 4]])"
OUTPUTS = {"print(t)": TENSOR, "t.shape": "torch.Size([2, 2])", "print(s)": "", "d": "{{print(t)}}"}


def rendered(markdown, outputs=OUTPUTS):
    return render_prompt(Text(ja="日本語", en=markdown), outputs).en


def ran(state, *, text="", error=None):
    """An execution in which the gap's cell ended like this."""
    outputs = (Output(kind="stdout", text=text),)
    cell = CellRun(index=3, state=state, outputs=outputs, error=error)
    environment = EnvironmentHash("e")
    return Execution(
        outcome=Outcome.COMPLETED, cells=(cell,), replies={}, environment=environment, executed_notebook=b""
    )


GAP = {"question": "q1", "expression": "x"}


@pytest.mark.parametrize(
    ("execution", "finding"),
    [
        pytest.param(
            ran(CellState.RAISED, error=CellError(name="NameError", message="x")),
            Note(code="publish.prompt_fails", facts={**GAP, "error": "NameError"}),
            id="it raises",
        ),
        pytest.param(
            ran(CellState.TIMED_OUT, error=CellError(name="KeyboardInterrupt", message="")),
            Note(code="publish.prompt_unfinished", facts=GAP),
            id="it was interrupted",
        ),
        pytest.param(
            ran(CellState.ENDED_KERNEL), Note(code="publish.prompt_unfinished", facts=GAP), id="it never comes back"
        ),
        pytest.param(ran(CellState.NOT_RUN), Note(code="publish.prompt_unfinished", facts=GAP), id="it was not run"),
        pytest.param(
            ran(CellState.OK, text="x" * 20_001),
            Note(code="publish.prompt_too_long", facts={**GAP, "characters": 20_001, "limit": SHOWN_MAX_CHARACTERS}),
            id="it is too long to be read",
        ),
    ],
)
def test_a_gap_that_cannot_be_filled_is_told(execution, finding):
    with pytest.raises(SpecDoesNotHold) as caught:
        check_prompts(ASSIGNMENT, {3: (QuestionId("q1"), "x")}, execution)

    assert caught.value.findings == (finding,)


def test_a_gap_of_any_readable_length_is_filled():
    check_prompts(ASSIGNMENT, {3: (QuestionId("q1"), "x")}, ran(CellState.OK, text="x" * 20_000 + "\n"))


def test_a_gap_in_a_fenced_block_is_filled_as_it_is():
    assert rendered("Shows\n```\n{{print(t)}}\n```\n.") == f"Shows\n```\n{TENSOR}\n```\n."


def test_a_gap_elsewhere_becomes_a_block_of_its_own():
    assert rendered("Make `t`. {{t.shape}}") == "Make `t`. \n\n```text\ntorch.Size([2, 2])\n```\n"


def test_each_gap_is_filled_by_where_it_stands():
    markdown = "A {{t.shape}} B\n```\n{{print(t)}}\n```\nC {{t.shape}}"

    assert rendered(markdown) == (
        f"A \n\n```text\ntorch.Size([2, 2])\n```\n B\n```\n{TENSOR}\n```\nC \n\n```text\ntorch.Size([2, 2])\n```\n"
    )


def test_blanks_around_the_expression_do_not_matter():
    assert rendered("```\n{{  print(t)\n}}\n```") == f"```\n{TENSOR}\n```"


@pytest.mark.parametrize(
    "markdown",
    [
        "Make {{unknown}}.",
        r"$\frac{{1}}{{2}}$",
        r"$x_{{i}_{j}}$ and $\{\{a\}\}$",
        "{{}}",
        "{{ never closed",
        "one } and two }} braces",
        "```\n{{unknown}}\n```",
    ],
    ids=["unknown", "a fraction", "indices", "nothing inside", "open", "closing", "unknown in a block"],
)
def test_what_is_no_known_gap_stays_as_the_author_wrote_it(markdown):
    assert rendered(markdown) == markdown


def test_a_known_gap_beside_latex_is_filled():
    assert rendered(r"```{{t.shape}}```" + "\n" + r"$\frac{{1}}{{2}}$").startswith("```torch.Size([2, 2])```")


def test_what_is_printed_is_not_read_as_a_prompt():
    assert rendered("```\n{{d}}\n```") == "```\n{{print(t)}}\n```"
    assert rendered("```\n{{back}}\n```", {"back": r"\1 \g<0>"}) == "```\n\\1 \\g<0>\n```"


def test_a_reference_that_prints_nothing_shows_nothing():
    assert rendered("```\n{{print(s)}}\n```") == "```\n\n```"


def test_both_languages_are_filled():
    prompt = Text(ja="```\n{{t.shape}}\n```", en="{{print(t)}}")

    shown = render_prompt(prompt, OUTPUTS)

    assert shown.ja == "```\ntorch.Size([2, 2])\n```"
    assert TENSOR in shown.en


def expected_of(school, *, environment, **texts):
    """Keep expected values of the school's version that know only these prompt outputs."""
    expected = Expected(
        version=school.loaded.version,
        environment=environment,
        wanted=(),
        questions={},
        replies={},
        prompt_outputs={QuestionId(question): texts[question] for question in texts},
    )
    blob = school.stores.blobs.put(encode_expected(expected, wire))
    with school.stores.storage.writing() as tx:
        tx.versions.put_expected(
            school.loaded.version, environment=environment, blob=blob, at=school.stores.clock.now()
        )


def test_nothing_is_known_before_a_worker_has_run_the_reference(school):
    assert load_prompt_outputs(school.loaded.version, stores=school.stores) == {}


def test_the_newest_environment_tells_what_the_reference_prints(school):
    expected_of(school, environment="a" * 64, q1={"print(t)": "old"})
    school.clock.pass_s(1)
    expected_of(school, environment="b" * 64, q1={"print(t)": TENSOR}, q2={"t.shape": "2"})

    outputs = load_prompt_outputs(school.loaded.version, stores=school.stores)

    assert outputs == {"q1": {"print(t)": TENSOR}, "q2": {"t.shape": "2"}}


def test_another_versions_outputs_are_not_shown(school):
    expected_of(school, environment="a" * 64, q1={"print(t)": TENSOR})
    other = replace(school.loaded, version="b" * 64)

    assert load_prompt_outputs(other.version, stores=school.stores) == {}


def test_a_gap_that_stands_there_endlessly_is_not_filled_endlessly():
    shown = rendered("{{x}}" * 100_000, {"x": "y" * SHOWN_MAX_CHARACTERS})

    assert 0 < shown.count("y" * SHOWN_MAX_CHARACTERS) <= 20
    assert shown.endswith("{{x}}")
