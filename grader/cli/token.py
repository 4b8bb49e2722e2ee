"""`grader token`: personal tokens for the API and the command line."""

from typing import Annotated

import typer

from grader.errors import InvalidRequest
from grader.flow.people import make_token
from grader.wiring import configuration, data_folder

app = typer.Typer(help="Make personal access tokens.", no_args_is_help=True)

_DAY_S = 24 * 60 * 60
_MAX_DAYS = 36_525


@app.command("new")
def new(
    login: Annotated[str, typer.Argument(help="For whom.")],
    label: Annotated[str, typer.Option("--label", help="What it is for.")] = "command line",
    days: Annotated[float | None, typer.Option("--days", help="How long it is valid; without end by default.")] = None,
) -> None:
    """Make a token for a person and print it; it cannot be shown again."""
    if days is not None and not 0 < days <= _MAX_DAYS:
        raise InvalidRequest(what="--days")
    lifetime_s = None if days is None else days * _DAY_S
    with data_folder.open_stores(configuration.read_settings()) as stores:
        issued = make_token(login, label=label, lifetime_s=lifetime_s, stores=stores)
    print(issued.secret)
