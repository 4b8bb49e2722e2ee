"""One JSON object for people and programs: its exact keys, what each visibility shows, and both languages."""

import json
from dataclasses import replace

import pytest
from school import TinyLoaded

from grader.domain.assignment import Visibility
from grader.domain.execution import Outcome
from grader.domain.ids import CheckId, QuestionId
from grader.domain.result import CheckResult, QuestionResult, Result, Verdict
from grader.domain.text import Language, Note
from grader.errors import InvalidRequest, NotebookRefused
from grader.feedback.catalogue import sentence
from grader.flow.report import error_message, report_refusal, report_result
from grader.notebook.read import read

REPORT_KEYS = ["notebook", "assignment", "version", "outcome", "score", "decided", "pending", "points", "refused"]
REPORT_KEYS += ["questions", "notes"]
QUESTION_KEYS = ["id", "score", "decided", "pending", "points", "checks", "notes"]
CHECK_KEYS = ["id", "kind", "verdict", "score", "points", "code", "message"]

ONE_WRONG = {"name": "t", "actual": 2.5, "expected": 7.25, "gap": 4.75, "allowed": 1e-05}


def check_result(verdict=Verdict.PASSED, *, code="value.passed", facts=None, diagnosis=None, points=10):
    score = points if verdict is Verdict.PASSED else 0
    pending = points if verdict.is_pending else 0
    return CheckResult(
        check_id=CheckId("value"),
        kind="value",
        verdict=verdict,
        score=score,
        decided=points - pending,
        pending=pending,
        points=points,
        code=code,
        facts={"name": "t"} if facts is None else facts,
        diagnosis=diagnosis,
    )


def result_of(check, *, notes=(), question_notes=(), outcome=Outcome.COMPLETED):
    question = QuestionResult(
        question_id=QuestionId("q1"),
        score=check.score,
        decided=check.decided,
        pending=check.pending,
        points=check.points,
        checks=(check,),
        notes=question_notes,
        cells=(2,),
    )
    return Result(
        outcome=outcome,
        score=check.score,
        decided=check.decided,
        pending=check.pending,
        points=check.points,
        questions=(question,),
        notes=notes,
    )


def assignment_showing(visibility):
    assignment = TinyLoaded().assignment
    questions = tuple(replace(question, visibility=visibility) for question in assignment.questions)
    return replace(assignment, questions=questions)


def report(check, *, visibility=Visibility.HINT, language=Language.EN, **more):
    return report_result(
        result_of(check, **more), assignment=assignment_showing(visibility), notebook="hw.ipynb", language=language
    )


def message(check, **how):
    return report(check, **how)["questions"][0]["checks"][0]["message"]


@pytest.fixture(scope="module")
def wrong():
    """A mismatch whose hint and full sentences differ, with every fact either of them needs."""
    return check_result(Verdict.FAILED, code="value.number", facts=ONE_WRONG)


def test_a_report_has_exactly_its_keys_in_their_order():
    found = report(check_result())

    assert list(found) == REPORT_KEYS
    assert list(found["questions"][0]) == QUESTION_KEYS
    assert list(found["questions"][0]["checks"][0]) == CHECK_KEYS
    assert json.loads(json.dumps(found)) == found


def test_numbers_and_names_are_those_of_the_result():
    found = report(check_result(Verdict.NEEDS_REVIEW, code="check.no_reply"), outcome=Outcome.TIMED_OUT)

    assert (found["notebook"], found["assignment"], found["version"]) == ("hw.ipynb", "tiny", "a" * 64)
    assert (found["score"], found["decided"], found["pending"], found["points"]) == (0, 0, 10, 10)
    assert (found["outcome"], found["refused"]) == ("timed_out", None)
    question = found["questions"][0]
    assert (question["id"], question["score"], question["decided"], question["pending"]) == ("q1", 0, 0, 10)
    check = question["checks"][0]
    assert (check["id"], check["kind"], check["verdict"], check["code"]) == (
        "value",
        "value",
        "needs_review",
        "check.no_reply",
    )


def test_only_full_visibility_shows_the_values(wrong):
    full = message(wrong, visibility=Visibility.FULL)
    hint = message(wrong, visibility=Visibility.HINT)

    assert "7.25" in full
    assert "7.25" not in hint
    assert hint == sentence(Note(code=wrong.code, facts=wrong.facts), Language.EN)


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("verdict", [verdict for verdict in Verdict if not verdict.is_pending])
def test_at_verdict_only_the_verdict_is_told(wrong, verdict, language):
    shown = message(
        replace(wrong, verdict=verdict, diagnosis=Note(code="no.such.code")),
        visibility=Visibility.VERDICT,
        language=language,
    )

    assert shown == sentence(Note(code=f"verdict.{verdict.value}"), language)


@pytest.mark.parametrize("visibility", Visibility)
def test_what_is_pending_says_why_at_every_visibility(visibility):
    waiting = check_result(Verdict.NEEDS_GPU, code="check.needs_gpu", facts={"cell": 7})

    assert "7" in message(waiting, visibility=visibility)
    assert message(waiting, visibility=visibility) == sentence(
        Note(code="check.needs_gpu", facts={"cell": 7}), Language.EN
    )


@pytest.mark.parametrize(("language", "joint"), [(Language.EN, " "), (Language.JA, "")])
@pytest.mark.parametrize("visibility", [Visibility.FULL, Visibility.HINT])
def test_a_recognised_mistake_follows_the_difference(wrong, visibility, language, joint):
    mistake = Note(code="cell.timed_out", facts={"cell": 3})

    shown = message(replace(wrong, diagnosis=mistake), visibility=visibility, language=language)

    assert shown == (
        message(wrong, visibility=visibility, language=language)
        + joint
        + sentence(mistake, language, visibility=visibility)
    )


def test_each_question_has_its_own_visibility(wrong):
    result = result_of(wrong)
    result = replace(result, questions=(*result.questions, replace(result.questions[0], question_id=QuestionId("q2"))))
    assignment = assignment_showing(Visibility.FULL)
    first, second = assignment.questions
    assignment = replace(assignment, questions=(first, replace(second, visibility=Visibility.HINT)))

    found = report_result(result, assignment=assignment, notebook="hw.ipynb", language=Language.EN)

    messages = [question["checks"][0]["message"] for question in found["questions"]]
    assert ["7.25" in each for each in messages] == [True, False]


@pytest.mark.parametrize("language", Language)
def test_notes_of_the_notebook_and_of_a_question_are_sentences(language):
    note = Note(
        code="cell.raised", facts={"place": [{"cell": 2, "line": 3}], "error": "ValueError", "message": "{cell} {0} %s"}
    )

    found = report(check_result(), language=language, notes=(note,), question_notes=(note, note))

    assert found["notes"] == [sentence(note, language)]
    assert found["questions"][0]["notes"] == [sentence(note, language)] * 2
    assert "{cell} {0} %s" in found["notes"][0]


@pytest.mark.parametrize("language", Language)
def test_a_refusal_has_the_same_keys_and_no_score(language):
    assignment = TinyLoaded().assignment
    with pytest.raises(NotebookRefused) as caught:
        read(b"not a notebook")
    error = caught.value

    found = report_refusal(error, assignment=assignment, notebook="a.ipynb", language=language)

    assert found == {
        "notebook": "a.ipynb",
        "assignment": "tiny",
        "version": "a" * 64,
        "outcome": None,
        "score": None,
        "decided": 0,
        "pending": 0,
        "points": 20,
        "refused": {"code": "not_json", "message": sentence(error.note, language)},
        "questions": [],
        "notes": [],
    }
    assert list(found) == REPORT_KEYS


def test_the_two_languages_are_two_languages():
    error = InvalidRequest(what="--due", value="tomorrow")

    japanese, english = (error_message(error, language) for language in (Language.JA, Language.EN))

    assert english.isascii()
    assert any("ぁ" <= letter <= "ん" for letter in japanese)
    assert "--due" in japanese
    assert "--due" in english


SYNTAX = check_result(Verdict.FAILED, code="source.syntax_error", facts={"pattern": "t[$A]", "line": 2})
NOT_FOUND = check_result(Verdict.NOT_FOUND, code="check.not_found", facts={"number": 1})
FOLLOWED = check_result(code="follow.passed", facts={"questions": [1], "names": ["t"]})
PASSED = check_result(code="source.found", facts={"pattern": "t[$A]"})
ABOVE = "The same as above."


@pytest.mark.parametrize("visibility", [Visibility.HINT, Visibility.FULL])
@pytest.mark.parametrize(
    ("checks", "repeated"),
    [
        pytest.param([SYNTAX, SYNTAX, SYNTAX], [False, True, True], id="a syntax error beside three patterns"),
        pytest.param([SYNTAX, replace(SYNTAX, facts={"pattern": "u", "line": 2})], [False, True], id="other patterns"),
        pytest.param([NOT_FOUND, PASSED, NOT_FOUND], [False, False, True], id="with another one between"),
        pytest.param([FOLLOWED, FOLLOWED], [False, True], id="follow-through"),
        pytest.param([PASSED, PASSED], [False, False], id="what each check says of itself is said each time"),
    ],
)
def test_a_circumstance_of_several_checks_is_told_once(checks, repeated, visibility):
    result = result_of(checks[0])
    result = replace(result, questions=(replace(result.questions[0], checks=tuple(checks)),))
    assignment = assignment_showing(visibility)

    found = report_result(result, assignment=assignment, notebook="hw.ipynb", language=Language.EN)

    told = found["questions"][0]["checks"]
    assert [check["message"] == ABOVE for check in told] == repeated
    assert [check["code"] for check in told] == [check.code for check in checks]


def test_another_question_says_it_again():
    result = result_of(NOT_FOUND)
    result = replace(result, questions=(*result.questions, replace(result.questions[0], question_id=QuestionId("q2"))))
    assignment = assignment_showing(Visibility.HINT)

    found = report_result(result, assignment=assignment, notebook="hw.ipynb", language=Language.EN)

    assert ABOVE not in [check["message"] for question in found["questions"] for check in question["checks"]]


def test_a_question_that_was_not_found_is_told_by_its_checks_alone():
    note = Note(code="locate.not_found", facts={"number": 1})

    found = report(NOT_FOUND, question_notes=(note,))["questions"][0]

    assert found["notes"] == []
    assert "could not find your answer to question 1" in found["checks"][0]["message"]
