"""All commands under one name."""

from typing import Annotated

import typer

from grader import __version__
from grader.cli import assignment, course, doctor, grade, member, serve, submit, token

app = typer.Typer(
    name="grader",
    help="Grade PyTorch tensor and autograd notebooks and explain every verdict, in Japanese and English.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode="rich",
)
app.command("grade")(grade.grade)
app.command("submit")(submit.submit)
app.command("serve")(serve.serve)
app.command("worker")(serve.worker)
app.command("doctor")(doctor.doctor)
app.command("web", hidden=True)(serve.web)
app.add_typer(assignment.app, name="assignment")
app.add_typer(course.app, name="course")
app.add_typer(member.app, name="member")
app.add_typer(token.app, name="token")


def _show_version(wanted: bool) -> None:  # typer calls option callbacks with the value alone
    if wanted:
        typer.echo(f"grader {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Grade PyTorch tensor and autograd notebooks and explain every verdict, in Japanese and English."""
