"""`grader submit`: hand a notebook in to a running service and read the result."""

import json
import sys
import time
from pathlib import Path
from typing import Annotated

import httpx2
import typer
from rich.console import Console

from grader.cli.failure import OUR_FAILURE, REFUSED, USAGE, errors_told_in
from grader.cli.language import default_language
from grader.cli.table import print_report
from grader.domain.text import Language
from grader.errors import FeedbackHeldBack, InvalidRequest, ServiceUnreachable
from grader.flow.report import ResultReport

_POLL_S = 0.1
_PATIENCE_S = 30.0


def submit(
    file: Annotated[Path, typer.Argument(help="The notebook to hand in.")],
    course: Annotated[str, typer.Option("--course", "-c", help="The course's short name.")],
    assignment: Annotated[str, typer.Option("--assignment", "-a", help="The assignment's short name.")],
    token: Annotated[str, typer.Option(envvar="GRADER_TOKEN", help="Your access token.")],
    url: Annotated[str, typer.Option(envvar="GRADER_URL", help="The service.")] = "http://127.0.0.1:8000",
    wait_s: Annotated[float, typer.Option("--wait", help="Seconds to wait for the result; 0 only hands in.")] = 150.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as one JSON object.")] = False,
    language: Annotated[Language | None, typer.Option("--lang", help="Language of the result.")] = None,
) -> None:
    """Hand a notebook in and show its result.

    Exit status: 0 handed in (and graded, if waited for), 2 usage, 3 the file was refused, 4 the service failed. Where
    points are released later, it says so in place of the result.
    """
    language = language or default_language()
    with errors_told_in(language):
        if not token.isascii():
            raise InvalidRequest(what="--token")
        headers = {"Authorization": f"Bearer {token}", "Accept-Language": language.value}
        try:
            with httpx2.Client(base_url=url, headers=headers, timeout=_PATIENCE_S) as client:
                submission = _hand_in(client, file, course=course, assignment=assignment)
                report = _wait_for_result(client, submission["id"], wait_s=wait_s) if wait_s > 0 else None
        except httpx2.InvalidURL as error:
            raise InvalidRequest(what="--url") from error
        except httpx2.TransportError as error:
            raise ServiceUnreachable(url=url, reason=str(error)) from error
    if report is None:
        print(json.dumps(submission, ensure_ascii=False))
    elif as_json:
        print(json.dumps(report, ensure_ascii=False))
    else:
        print_report(report, console=Console(), language=language)


def _hand_in(client: httpx2.Client, file: Path, *, course: str, assignment: str) -> dict[str, str]:
    try:
        data = file.read_bytes()
    except OSError as error:
        raise InvalidRequest(what=f"{file}: {error.strerror}") from error
    answer = client.post(
        f"/api/v1/courses/{course}/assignments/{assignment}/submissions",
        files={"file": (file.name.encode(errors="replace").decode(), data, "application/x-ipynb+json")},
    )
    if answer.status_code not in (200, 202):
        sys.exit(_tell_problem(answer))
    submission: dict[str, str] = answer.json()
    return submission


def _wait_for_result(client: httpx2.Client, submission_id: str, *, wait_s: float) -> ResultReport | None:
    deadline = time.monotonic() + wait_s
    while True:
        answer = client.get(f"/api/v1/submissions/{submission_id}/result")
        if answer.status_code == 200:
            report: ResultReport = answer.json()
            return report
        # 409: received, not graded yet. Anything else will not change by waiting.
        if answer.status_code != 409:
            status = _tell_problem(answer)
            if _code_of(answer) == FeedbackHeldBack.code:
                return None
            sys.exit(status)
        if time.monotonic() > deadline:
            return None
        time.sleep(_POLL_S)


def _code_of(answer: httpx2.Response) -> object:
    try:
        return answer.json()["code"]
    except (ValueError, KeyError):
        return None


def _tell_problem(answer: httpx2.Response) -> int:
    try:
        problem = answer.json()
        print(problem["detail"], file=sys.stderr)
    except (ValueError, KeyError):
        print(f"{answer.status_code} {answer.reason_phrase}", file=sys.stderr)
    if answer.status_code >= 500:
        return OUR_FAILURE
    # A redirection means that --url is not quite the service's address.
    return USAGE if answer.status_code < 400 or answer.status_code in (401, 403, 404) else REFUSED
