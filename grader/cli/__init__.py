"""The command line: thin commands over the flow."""

import sys

from grader.cli.app import app
from grader.cli.failure import exit_status, explain
from grader.errors import GraderError


def main() -> None:
    """Run a command; an error of ours becomes its sentence and its exit status."""
    try:
        app()
    except GraderError as error:
        explain(error)
        sys.exit(exit_status(error))
