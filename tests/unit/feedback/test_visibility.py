"""A level never shows more than it may: codes, facts, sentences, diagnoses and notes."""

import json
from collections.abc import Iterator
from dataclasses import replace
from string import Formatter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from school import TinyLoaded

from grader.domain.assignment import Assignment, Visibility
from grader.domain.execution import Outcome
from grader.domain.ids import CheckId, QuestionId
from grader.domain.result import CheckResult, QuestionResult, Result, Verdict
from grader.domain.text import Fact, Language, Note
from grader.feedback.catalogue import known_codes, load_messages, sentence
from grader.feedback.visibility import is_visible
from grader.flow.report import ResultReport, report_result
from grader.grading.checks import KINDS

COMPARING = frozenset(KINDS) - {"written"}
"""Groups whose codes say how an answer compares with what is expected."""
CODES = sorted(code for code in known_codes(Language.EN) if code.partition(".")[0] in COMPARING)
DIAGNOSES = sorted(code for code in known_codes(Language.EN) if code.startswith("diagnose."))

COUNTS = (
    "count total right wrong differing different elements position place step missing extra none length size times",
    "axis number ratio percent characters blank late done index line lines",
)
OWN_CODE = (
    "activation attribute parameter parameters name names other others asked argument cell places call literal found",
    "parts lost cut error raised",
)
THINGS = (
    "type dtype shape layout device expected_type expected_dtype expected_shape expected_layout expected_length",
    "expected_error expected_count",
)
BOUNDS = ("limit seconds needed at pattern message questions",)
"""What the author chose and may well stand in the prompt; `pattern` is one that must not occur."""
HINTS = frozenset(" ".join((*COUNTS, *OWN_CODE, *THINGS, *BOUNDS)).split())
ALSO = {
    ("output.container", "actual"),
    ("output.container", "expected"),
    ("output.dtype", "actual"),
    ("output.dtype", "expected"),
    ("output.shape", "actual"),
    ("output.shape", "expected"),
    ("figure.too_few", "wanted"),
    ("source.too_few", "wanted"),
    ("training.no_optimizer", "wanted"),
    ("training.other_optimizer", "wanted"),
}
"""Words that hold values elsewhere: here a type, a shape or a count."""
PATTERNS_THAT_MUST_NOT_OCCUR = {"source.forbidden", "source.hidden", "source.too_often"}


def gaps(code: str, language: Language) -> set[str]:
    return {gap for _, gap, _, _ in Formatter().parse(load_messages(language)[code]) if gap is not None}


@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize("code", [*CODES, *DIAGNOSES])
def test_a_hint_is_made_of_counts_places_kinds_and_the_students_own_words(code: str, language: Language) -> None:
    """A new gap has to be thought about: may it hold an expected answer or a hidden input? If so, `#full` is its place.

    Only then it may be added to the lists above.
    """
    unknown = {gap for gap in gaps(code, language) if gap not in HINTS and (code, gap) not in ALSO}
    assert unknown == set(), f"{code} shows {unknown} at the level hint"
    assert "pattern" not in gaps(code, language) or code in PATTERNS_THAT_MUST_NOT_OCCUR


def test_what_is_listed_is_used() -> None:
    used = {(code, gap) for language in Language for code in [*CODES, *DIAGNOSES] for gap in gaps(code, language)}
    assert used >= ALSO


# --- the level verdict ------------------------------------------------------------------------------------------------

SECRET = "secret-7919"


def secretive(*codes: str) -> dict[str, Fact]:
    return {gap: SECRET for language in Language for code in codes for gap in gaps(code, language)}


def check(code: str, verdict: Verdict, *, diagnosis: Note | None = None) -> CheckResult:
    return CheckResult(
        check_id=CheckId("value"),
        kind="value",
        verdict=verdict,
        score=0,
        decided=0,
        pending=0,
        points=10,
        code=code,
        facts=secretive(code, *([full] if (full := f"{code}#full") in load_messages(Language.EN) else [])),
        diagnosis=diagnosis,
    )


def report(
    *checks: CheckResult,
    visibility: Visibility,
    language: Language = Language.EN,
    notes: tuple[Note, ...] = (),
    above: tuple[Note, ...] = (),
) -> ResultReport:
    question = QuestionResult(
        question_id=QuestionId("q1"), score=0, decided=0, pending=0, points=10, checks=checks, notes=notes
    )
    result = Result(
        outcome=Outcome.COMPLETED, score=0, decided=0, pending=0, points=10, questions=(question,), notes=above
    )
    return report_result(result, assignment=showing(visibility), notebook="hw.ipynb", language=language)


def showing(visibility: Visibility) -> Assignment:
    assignment = TinyLoaded().assignment
    return replace(assignment, questions=tuple(replace(one, visibility=visibility) for one in assignment.questions))


@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize("verdict", list(Verdict))
def test_at_verdict_a_comparison_is_one_sentence_and_one_code(verdict: Verdict, language: Language) -> None:
    for code in CODES:
        mistakes: Iterator[Note | None] = iter([None, *(Note(code=one, facts=secretive(one)) for one in DIAGNOSES[:3])])
        for mistake in mistakes:
            told = report(check(code, verdict, diagnosis=mistake), visibility=Visibility.VERDICT, language=language)[
                "questions"
            ][0]["checks"][0]
            assert told["code"] == f"verdict.{verdict.value}"
            assert told["message"] == sentence(Note(code=f"verdict.{verdict.value}"), language)


@given(
    codes=st.lists(st.sampled_from(CODES), min_size=1, max_size=4),
    mistake=st.sampled_from(DIAGNOSES),
    verdict=st.sampled_from(list(Verdict)),
    note=st.sampled_from([*CODES, *DIAGNOSES]),
    language=st.sampled_from(list(Language)),
)
def test_at_verdict_no_fact_of_a_comparison_is_anywhere_in_the_report(
    codes: list[str], mistake: str, verdict: Verdict, note: str, language: Language
) -> None:
    wrong = Note(code=mistake, facts=secretive(mistake))
    stray = Note(code=note, facts=secretive(note))
    checks = [check(code, verdict, diagnosis=wrong) for code in codes]

    told = json.dumps(report(*checks, visibility=Visibility.VERDICT, language=language, notes=(stray,), above=(stray,)))

    assert SECRET not in told
    assert [code for code in (*codes, mistake, note) if code in told] == []


CIRCUMSTANCES = [
    "check.needs_gpu",
    "check.needs_package",
    "check.not_found",
    "check.skipped",
    "check.ended_timed_out",
    "written.waiting",
    "review.points",
]


@pytest.mark.parametrize("code", CIRCUMSTANCES)
@pytest.mark.parametrize("visibility", list(Visibility))
def test_circumstances_and_what_people_say_are_told_at_every_level(code: str, visibility: Visibility) -> None:
    told = report(check(code, Verdict.NEEDS_REVIEW), visibility=visibility)["questions"][0]["checks"][0]

    assert told["code"] == code
    assert told["message"] == sentence(Note(code=code, facts=secretive(code)), Language.EN)


@pytest.mark.parametrize("code", ["cell.raised", "saved.differs", "follow.tried_again", "review.overridden"])
def test_notes_on_the_students_own_cells_are_told_at_every_level(code: str) -> None:
    note = Note(code=code, facts=secretive(code))
    for visibility in Visibility:
        assert report(check("value.passed", Verdict.PASSED), visibility=visibility, notes=(note,))["questions"][0][
            "notes"
        ] == [sentence(note, Language.EN)]


def test_every_group_of_notes_has_been_thought_about() -> None:
    """Notes that the flow attaches to questions are neutral; a comparison's code among them is hidden at verdict."""
    hidden = {code.partition(".")[0] for code in known_codes(Language.EN)} - {
        "cell", "execution", "follow", "late", "locate", "repair", "review", "saved",
    }  # fmt: skip
    assert all(not is_visible(Note(code=f"{group}.x"), Visibility.VERDICT) for group in hidden)
    assert all(is_visible(Note(code=f"{group}.x"), Visibility.HINT) for group in hidden)


def test_names_are_all_that_follow_through_tells() -> None:
    """What a second kernel with the reference's values brought never leaves it, see domain.execution.Given."""
    for language in Language:
        codes = [code for code in known_codes(language) if code.startswith("follow.")]
        assert {gap for code in codes for gap in gaps(code, language)} <= {"names", "questions"}
