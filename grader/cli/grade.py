"""`grader grade`: notebooks in, results out, with no server and no database."""

import json
import os
import secrets
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from grader.cli.failure import OUR_FAILURE, REFUSED, errors_told_in, explain
from grader.cli.language import default_language
from grader.cli.table import print_report
from grader.domain.text import Language
from grader.errors import InvalidRequest, NotebookRefused, OperatorCanFix
from grader.flow.assess import assess
from grader.flow.expected import Expected
from grader.flow.ports import LoadedAssignment, Runner
from grader.flow.prove import prove
from grader.flow.report import ResultReport, report_failure, report_refusal, report_result
from grader.notebook.read import ReadLimits, read
from grader.wiring import configuration, kernels, loading


def grade(
    notebooks: Annotated[list[Path], typer.Argument(metavar="NOTEBOOK...", help="Notebooks (.ipynb) to grade.")],
    assignment: Annotated[
        str,
        typer.Option("--assignment", "-a", metavar="SLUG_OR_DIR", help="A bundled assignment or a folder with one."),
    ],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per notebook and line.")] = False,
    language: Annotated[
        Language | None, typer.Option("--lang", help="Language of messages; by default the locale's.")
    ] = None,
) -> None:
    """Grade notebooks here and now, in the sandbox; needs no server and no database.

    Exit status: 0 all graded, 2 usage, 3 something was refused, 4 our failure, 5 an error in the assignment.
    """
    language = language or default_language()
    with errors_told_in(language):
        _check_readable(notebooks)
        settings = configuration.read_settings()
        loaded = loading.load_assignment(assignment)
        # Inputs and draws are of this call only, so its key is too.
        key = secrets.token_bytes(32)
        with kernels.open_runner(settings, device=loaded.assignment.device) as runner:
            expected = prove(loaded, runner=runner, secret=key)
            grading = _Grading(loaded, expected, runner, key, configuration.read_limits(settings), language)
            status = _grade_all(notebooks, grading, show=_print_json if as_json else _print_table(language))
    sys.exit(status)


def _check_readable(paths: list[Path]) -> None:
    """Before anything starts: a typing error must not end a pile of notebooks in its middle."""
    wrong = [str(path) for path in paths if not (path.is_file() and os.access(path, os.R_OK))]
    if wrong:
        raise InvalidRequest(what=", ".join(wrong))


class _Grading:
    """One call's assignment, ready to grade any number of notebooks."""

    def __init__(  # one private caller, which has them all at hand
        self,
        loaded: LoadedAssignment,
        expected: Expected,
        runner: Runner,
        key: bytes,
        limits: ReadLimits,
        language: Language,
    ) -> None:
        self._loaded, self._expected, self._runner = loaded, expected, runner
        self._key, self._limits, self.language = key, limits, language

    def report(self, path: Path) -> ResultReport:
        """Grade one file; a refusal is a report too."""
        try:
            data = path.read_bytes()
        except OSError as error:
            raise InvalidRequest(what=f"{path}: {error.strerror}") from error
        assignment = self._loaded.assignment
        try:
            notebook = read(data, limits=self._limits)
        except NotebookRefused as error:
            return report_refusal(error, assignment=assignment, notebook=str(path), language=self.language)
        assessment = assess(
            notebook, assignment=assignment, expected=self._expected, runner=self._runner, key=self._key
        )
        return report_result(assessment.result, assignment=assignment, notebook=str(path), language=self.language)

    def failure(self, path: Path) -> ResultReport:
        """We could not grade it: everything is pending."""
        return report_failure(self._loaded.assignment, notebook=str(path))


def _grade_all(paths: list[Path], grading: _Grading, *, show: Callable[[ResultReport], None]) -> int:
    status = 0
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=len(paths) < 2 or not console.is_terminal) as progress:
        task = progress.add_task("", total=len(paths))
        for path in paths:
            progress.update(task, description=path.name)
            try:
                report = grading.report(path)
            except OperatorCanFix as error:
                # The others can still be graded; the line and the status say that one could not.
                explain(error, grading.language)
                status = OUR_FAILURE
                report = grading.failure(path)
            except Exception:  # noqa: BLE001 - the command's border: a bug of ours in one notebook must not end the pile
                traceback.print_exc()
                status = OUR_FAILURE
                report = grading.failure(path)
            if report["refused"] is not None:
                status = max(status, REFUSED)
            show(report)
            progress.advance(task)
    return status


def _print_json(report: ResultReport) -> None:
    sys.stdout.write(json.dumps(report, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def _print_table(language: Language) -> Callable[[ResultReport], None]:
    console = Console()
    return lambda report: print_report(report, console=console, language=language)
