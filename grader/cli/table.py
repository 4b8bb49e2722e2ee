"""A result as a table in the terminal."""

import unicodedata

from rich.console import Console
from rich.table import Table
from rich.text import Text

from grader.domain.result import Points
from grader.domain.text import Language, Note
from grader.feedback.catalogue import sentence
from grader.flow.report import QuestionReport, ResultReport


def plain(text: str) -> str:
    """Text of others without what would drive the terminal: control characters, and marks that turn its direction."""
    return "".join(" " if unicodedata.category(letter) in ("Cc", "Cf", "Cs", "Zl", "Zp") else letter for letter in text)


_MARKS = {"passed": "✓", "partial": "△", "failed": "✗", "missing": "✗", "malformed": "✗"}
_STYLES = {"✓": "green", "△": "yellow", "✗": "red", "…": "cyan"}
_WAITING = "…"


def print_report(report: ResultReport, *, console: Console, language: Language) -> None:
    """Print one result: the score first, then each question with its reasons, then what else happened."""
    console.print(Text(plain(report["notebook"]), style="bold"))
    if report["score"] is None and report["refused"] is None:
        console.print()
        return
    if report["refused"] is not None:
        console.print(Text(f"✗ {plain(report['refused']['message'])}", style="red"))
        console.print()
        return
    console.print(Text(_headline(report, language)))
    table = Table(box=None, show_header=False, padding=(0, 1, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True, justify="right")
    table.add_column(overflow="fold")
    for question in report["questions"]:
        _add_question(table, question)
    console.print(table)
    for note in report["notes"]:
        console.print(Text(f"ℹ {plain(note)}", style="dim"))
    console.print()


def _headline(report: ResultReport, language: Language) -> str:
    facts = {"score": report["score"], "decided": report["decided"], "points": report["points"]}
    code = "cli.score_pending" if report["pending"] else "cli.score"
    return sentence(Note(code=code, facts=facts | {"pending": report["pending"]}), language)


def _add_question(table: Table, question: QuestionReport) -> None:
    """The question's own line first, with its first check beside it; a check shows points where it has its own."""
    checks = question["checks"]
    has_parts = sum(1 for check in checks if check["points"]) > 1
    whole = _mark_of(question)
    heading = Text(whole, style=_STYLES[whole]), Text(question["id"], style="bold"), _question_score(question)
    if not checks:
        table.add_row(*heading, "")  # its details are not released
    for place, check in enumerate(checks):
        mark = _MARKS.get(check["verdict"], _WAITING)
        words = Text(f"{mark} ", style=_STYLES[mark])
        if has_parts and check["points"] and mark != _WAITING:
            words.append(f"{_score(check['score'], check['points'])} ")
        words.append(plain(check["message"]), style="default")
        if place == 0:
            table.add_row(*heading, words)
        else:
            table.add_row("", "", "", words)
    for note in question["notes"]:
        table.add_row("", "", "", Text(f"ℹ {plain(note)}", style="dim"))


def _mark_of(question: QuestionReport) -> str:
    if not question["decided"]:
        return _WAITING
    if question["score"] == question["decided"]:
        return "✓"
    return "△" if question["score"] else "✗"


def _question_score(question: QuestionReport) -> str:
    waiting = f" +{question['pending']:g}{_WAITING}" if question["pending"] else ""
    return _score(question["score"], question["decided"]) + waiting


def _score(score: Points, points: Points) -> str:
    return f"{score:g}/{points:g}"
