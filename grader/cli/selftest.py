"""`grader assignment selftest`: would the spec notice if a student got it wrong?"""

import json
import os
import secrets
import sys
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.syntax import Syntax
from rich.text import Text

from grader.cli.failure import AUTHORS_ERROR, UNNOTICED, errors_told_in
from grader.cli.language import default_language
from grader.cli.table import plain
from grader.domain.selftest import Fate, MutantReport, SelfTestReport
from grader.domain.text import Language, Note
from grader.feedback.catalogue import sentence
from grader.flow.prove import prove
from grader.flow.selftest import SelfTest
from grader.wiring import configuration, kernels, loading


def selftest(
    folder: Annotated[str, typer.Argument(metavar="DIR", help="The folder with assignment.yaml, or a bundled name.")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object, every mutant in it.")] = False,
    jobs: Annotated[int | None, typer.Option("--jobs", min=1, help="Notebooks side by side; one a core.")] = None,
    verbose: Annotated[bool, typer.Option("--verbose", help="Show the code behind each sentence.")] = False,
    limit: Annotated[
        int | None, typer.Option("--limit", min=1, help="Mutants a question, all followed on; by default 40 in all.")
    ] = None,
    language: Annotated[Language | None, typer.Option("--lang", help="Language of messages.")] = None,
) -> None:
    """Grade right, empty and wrong notebooks made from the reference, and tell which wrong ones keep their points.

    Exit status: 0 every mistake is noticed, 4 our failure, 5 the spec is wrong, 6 it holds, but mistakes go unnoticed.
    """
    language = language or default_language()
    with errors_told_in(language):
        loaded = loading.load_assignment(folder)
        jobs = jobs or os.cpu_count() or 1
        secret = secrets.token_bytes(32)
        with kernels.open_runner(configuration.read_settings(), slots=jobs, device=loaded.assignment.device) as runner:
            expected = prove(loaded, runner=runner, secret=secret)
            report = SelfTest(
                loaded=loaded,
                files=loaded.bundle.files,
                expected=expected,
                runner=runner,
                secret=secret,
                jobs=jobs,
                limit=limit,
            ).run()
    if as_json:
        sys.stdout.write(json.dumps(_as_json(report, loaded.assignment.slug, language), ensure_ascii=False) + "\n")
    else:
        print_selftest(report, slug=loaded.assignment.slug, language=language, verbose=verbose)
    sys.exit(AUTHORS_ERROR if report.faults else UNNOTICED if report.warns else 0)


def print_selftest(report: SelfTestReport, *, slug: str, language: Language, verbose: bool = False) -> None:
    """What makes the spec wrong first, then each survivor in a sentence, then the count."""
    console = Console(soft_wrap=True)

    def tell(mark: str, note: Note, style: str) -> None:
        console.print(Text(f"{mark} {plain(sentence(note, language))}", style=style))

    for note in report.faults:
        tell("✗", note, "red")
    for mutant in report.survivors:
        console.print(Text(f"△ {mutant.mutant_id} {plain(sentence(mutant.note, language))}", style="yellow"))
        if verbose:
            _print_diff(mutant, console)
    for mutant in report.spilling:
        tell("△", mutant.spill, "yellow")
        if verbose:
            _print_diff(mutant, console)
    for note in report.remarks:
        tell("ℹ", note, "dim")
    tell("✗" if report.faults else "△" if report.warns else "✓", report.summary(slug), "bold")
    if report.survivors:
        console.print(Text(sentence(Note(code="selftest.decide"), language)))


def _print_diff(mutant: MutantReport, console: Console) -> None:
    lines = "\n".join(plain(line) for line in mutant.diff.splitlines())
    console.print(Syntax(lines, "diff", background_color="default", word_wrap=True))


def _as_json(report: SelfTestReport, slug: str, language: Language) -> dict[str, Any]:
    def told(note: Note) -> dict[str, Any]:
        return {"code": note.code, "facts": dict(note.facts), "message": sentence(note, language)}

    return {
        "assignment": slug,
        "version": report.version,
        "counts": {fate.value: report.count(fate) for fate in Fate},
        "tried": list(report.tried),
        "faults": [told(note) for note in report.faults],
        "remarks": [told(note) for note in report.remarks],
        "mutants": [
            {
                "id": mutant.mutant_id,
                "question": mutant.question_id,
                "operator": mutant.operator,
                "fate": mutant.fate.value,
                "reason": mutant.reason,
                "spilled": list(mutant.spilled),
                "before": mutant.facts["before"],
                "after": mutant.facts["after"],
                "message": sentence(mutant.note, language) if mutant.fate is Fate.SURVIVED else None,
                "diff": mutant.diff,
            }
            for mutant in report.mutants
        ],
    }
