"""The table in the terminal: marks, scores, and words that cannot steer the terminal."""

import io

import pytest
from rich.console import Console

from grader.cli.table import print_report
from grader.domain.text import Language


def check(verdict="passed", *, score=10, points=10, message="Right."):
    return {
        "id": "value",
        "kind": "value",
        "verdict": verdict,
        "score": score,
        "points": points,
        "code": "value.passed",
        "message": message,
    }


def question(*checks, notes=(), waiting=0, name="q1"):
    points = sum(each["points"] for each in checks)
    score = sum(each["score"] for each in checks)
    return {
        "id": name,
        "score": score,
        "decided": points - waiting,
        "pending": waiting,
        "points": points,
        "checks": list(checks),
        "notes": list(notes),
    }


def report_of(*questions, notes=(), **changes):
    totals = {key: sum(each[key] for each in questions) for key in ("score", "decided", "pending", "points")}
    report = {"notebook": "hw.ipynb", "assignment": "tiny", "version": "a" * 64, "outcome": "completed", **totals}
    return report | {"refused": None, "questions": list(questions), "notes": list(notes)} | changes


def printed(report, *, width=80, is_terminal=False):
    file = io.StringIO()
    console = Console(file=file, width=width, force_terminal=is_terminal, legacy_windows=False)
    print_report(report, console=console, language=Language.EN)
    return file.getvalue()


@pytest.mark.parametrize(
    ("checks", "waiting", "row"),
    [
        ([check()], 0, ["✓", "q1", "10/10", "✓", "Right."]),
        ([check("failed", score=0)], 0, ["✗", "q1", "0/10", "✗", "Right."]),
        ([check("missing", score=0)], 0, ["✗", "q1", "0/10", "✗", "Right."]),
        ([check("malformed", score=0)], 0, ["✗", "q1", "0/10", "✗", "Right."]),
        ([check("partial", score=7)], 0, ["△", "q1", "7/10", "△", "Right."]),
        ([check("partial", score=2.5)], 0, ["△", "q1", "2.5/10", "△", "Right."]),
        ([check("needs_review", score=0)], 10, ["…", "q1", "0/0", "+10…", "…", "Right."]),
        ([check(), check("needs_review", score=0, points=5)], 5, ["✓", "q1", "10/10", "+5…", "✓", "10/10", "Right."]),
    ],
    ids=["right", "wrong", "missing", "malformed", "partly", "a fraction", "pending", "right so far"],
)
def test_a_question_shows_its_mark_its_score_and_what_waits(checks, waiting, row):
    shown = printed(report_of(question(*checks, waiting=waiting)))

    assert next(line for line in shown.splitlines() if "q1" in line).split() == row


def test_checks_that_share_points_show_none_of_their_own():
    shown = printed(report_of(question(check(), check(score=0, points=0, message="Second."))))

    assert "✓ Right." in shown
    assert "✓ Second." in shown
    assert "0/0" not in shown


def test_the_headline_says_what_waits_only_where_something_does():
    decided = printed(report_of(question(check())))
    waiting = printed(report_of(question(check()), question(check("needs_gpu", score=0), waiting=10, name="q2")))

    assert "10/10" in decided.splitlines()[1]
    assert "waiting" not in decided
    assert "10 points are waiting" in waiting


def test_notes_stand_with_what_they_are_about():
    shown = printed(report_of(question(check(), notes=["Cell 2 raised."]), notes=["The last answer counts."]))

    lines = [line.strip() for line in shown.splitlines() if "ℹ" in line]
    assert lines == ["ℹ Cell 2 raised.", "ℹ The last answer counts."]


def test_a_refusal_is_its_sentence_alone():
    shown = printed(report_of(refused={"code": "not_json", "message": "It is no notebook."}, score=None))

    assert shown.split("\n") == ["hw.ipynb", "✗ It is no notebook.", "", ""]


@pytest.mark.parametrize("is_terminal", [True, False], ids=["terminal", "file"])
@pytest.mark.parametrize(
    "words",
    ["\x1b[2J\x1b[31mred", "\x1b]0;title\x07", "\x9b2J", "a\rb", "[bold]no[/bold] [/]", ":boom: http://x"],
    ids=["clear", "title", "c1", "return", "markup", "emoji"],
)
def test_words_of_a_student_cannot_steer_the_terminal(words, is_terminal):
    report = report_of(question(check(message=words), notes=[words]), notes=[words], notebook=words)

    shown = printed(report, is_terminal=is_terminal)

    for mark in ("\x1b[2J", "\x1b[31mred", "\x1b]0;", "\x9b", "\x07", "\r"):
        assert mark not in shown
    if "[bold]" in words or ":boom:" in words:
        assert shown.count(words) == 4


def test_long_words_are_folded_not_cut():
    word = "x" * 150

    shown = printed(report_of(question(check(message=word))), width=60)

    assert shown.count("x") == 150
    assert max(len(line) for line in shown.splitlines()) <= 60
