"""`grader assignment`: check an assignment's files, or publish them."""

import json
import secrets
import sys
import time
from typing import Annotated

import typer

from grader.catalog import assignment_schema
from grader.cli import authoring, selftest
from grader.cli.failure import errors_told_in, findings_placed_in, place_and_sentence
from grader.cli.language import default_language
from grader.cli.table import plain
from grader.domain.publishing import VersionState
from grader.domain.text import Language, Note
from grader.errors import SpecDoesNotHold
from grader.feedback.catalogue import sentence
from grader.flow.prove import prove
from grader.flow.publish import publish, read_self_test, read_version
from grader.wiring import configuration, data_folder, kernels, loading

_POLL_S = 0.2

app = typer.Typer(help="Write, check and publish assignments.", no_args_is_help=True)
app.command("new")(authoring.new)
app.command("preview")(authoring.preview)
app.command("release")(authoring.release)
app.command("selftest")(selftest.selftest)

_Folder = Annotated[str, typer.Argument(metavar="DIR", help="The folder with assignment.yaml, or a bundled name.")]
_Lang = Annotated[Language | None, typer.Option("--lang", help="Language of messages.")]


@app.command("check")
def check(folder: _Folder, language: _Lang = None) -> None:
    """Check an assignment here: its files, and its reference in the sandbox; nothing is stored.

    Texts that lack one of the assignment's languages are listed and stop nothing.

    Exit status: 0 it holds, 4 our failure, 5 something in the files is wrong.
    """
    language = language or default_language()
    with errors_told_in(language):
        loaded = loading.load_assignment(folder)
        for gap in loaded.untranslated:
            print(plain(place_and_sentence(gap, language)), file=sys.stderr)
        settings, device = configuration.read_settings(), loaded.assignment.device
        with findings_placed_in(loaded), kernels.open_runner(settings, device=device) as runner:
            prove(loaded, runner=runner, secret=secrets.token_bytes(32))
    facts = {"slug": loaded.assignment.slug, "version": loaded.assignment.version[:12]}
    print(sentence(Note(code="cli.assignment_holds", facts=facts | {"points": loaded.assignment.points}), language))


@app.command("schema")
def schema() -> None:
    """Print a JSON Schema of assignment.yaml, for editors."""
    print(json.dumps(assignment_schema(), ensure_ascii=False, indent=2))


@app.command("publish")
def publish_folder(
    folder: _Folder,
    language: _Lang = None,
    wait_s: Annotated[float, typer.Option("--wait", help="Seconds to wait until a worker has run it.")] = 60.0,
) -> None:
    """Publish an assignment to the service on this machine, and wait until a worker has run its reference.

    Then the worker looks for mistakes that the checks would not notice; what it finds is told, and stops nothing.

    Exit status: 0 published, 4 our failure, 5 something in the files is wrong or the spec does not hold.
    """
    language = language or default_language()
    with errors_told_in(language):
        loaded = loading.load_assignment(folder)
        with findings_placed_in(loaded), data_folder.open_stores(configuration.read_settings()) as stores:
            asked_at = stores.clock.now()
            version = publish(loaded, files=loaded.bundle.files, stores=stores, self_test=True)
            deadline = time.monotonic() + wait_s
            while version.state is VersionState.UNPROVED and time.monotonic() < deadline:
                time.sleep(_POLL_S)
                version = read_version(version.version, stores=stores)
            if version.state is VersionState.FAILED:
                raise SpecDoesNotHold(version.findings, assignment=version.slug)
            code = "cli.assignment_published" if version.state is VersionState.PROVED else "cli.assignment_waits"
            print(sentence(Note(code=code, facts={"slug": version.slug, "version": version.version[:12]}), language))
            report = read_self_test(version.version, stores=stores, since=asked_at)
            while report is None and time.monotonic() < deadline:
                time.sleep(_POLL_S)
                report = read_self_test(version.version, stores=stores, since=asked_at)
    if report is None:
        print(sentence(Note(code="selftest.later", facts={"folder": folder}), language))
    elif report.warns or report.faults:
        selftest.print_selftest(report, slug=version.slug, language=language)
