"""`grader doctor`: can notebooks be graded here, and if not, what puts it right?"""

import json
import sys
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from grader.cli.failure import OUR_FAILURE, errors_told_in
from grader.cli.language import default_language
from grader.cli.table import plain
from grader.domain.cage import CageLine, Checkup, LineState
from grader.domain.text import Language, Note
from grader.feedback.catalogue import sentence
from grader.wiring import configuration, kernels

_MARKS = {LineState.OK: ("✓", "green"), LineState.NOT_OK: ("✗", "red"), LineState.UNKNOWN: ("?", "yellow")}


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    language: Annotated[
        Language | None, typer.Option("--lang", help="Language of messages; by default the locale's.")
    ] = None,
) -> None:
    """Look at all that grading needs on this machine, and try in a real kernel what must not work.

    Needs no service and no database. Exit status: 0 notebooks can be graded here, 4 they cannot.
    """
    language = language or default_language()
    with errors_told_in(language):
        checkup = kernels.examine(configuration.read_settings())
    (_print_json if as_json else _print_tables)(checkup, language)
    sys.exit(0 if checkup.can_grade else OUR_FAILURE)


def _print_json(checkup: Checkup, language: Language) -> None:
    for group, lines in (("machine", checkup.machine), ("canary", checkup.canary)):
        for line in lines:
            cure = None if line.cure is None else sentence(line.cure, language)
            entry = {"group": group, "name": line.name, "state": line.state, "found": line.found, "cure": cure}
            print(json.dumps(entry, ensure_ascii=False))


def _print_tables(checkup: Checkup, language: Language) -> None:
    console = Console()
    for heading, prefix, lines in (
        ("doctor.heading_machine", "doctor", checkup.machine),
        ("doctor.heading_canary", "canary", checkup.canary),
    ):
        console.print(Text(sentence(Note(code=heading), language), style="bold"))
        table = Table(box=None, show_header=False, padding=(0, 1, 0, 1))
        table.add_column(no_wrap=True)
        table.add_column(overflow="fold", ratio=2)
        table.add_column(overflow="fold", ratio=3)
        for line in lines:
            _add_line(table, line, label=sentence(Note(code=f"{prefix}.{line.name}"), language), language=language)
        console.print(table)
        console.print()
    verdict = "doctor.can_grade" if checkup.can_grade else "doctor.cannot_grade"
    console.print(Text(sentence(Note(code=verdict), language), style="bold green" if checkup.can_grade else "bold red"))


def _add_line(table: Table, line: CageLine, *, label: str, language: Language) -> None:
    mark, style = _MARKS[line.state]
    words = Text(plain(line.found))
    if line.cure is not None:
        words.append("\n" if line.found else "")
        words.append(f"→ {plain(sentence(line.cure, language))}", style="bold")
    table.add_row(Text(mark, style=style), Text(label), words)
