"""The command line: thin commands over the flow."""

import signal
import sys
from io import TextIOWrapper

from grader.cli.app import app
from grader.cli.failure import errors_told_in
from grader.cli.language import default_language
from grader.errors import SystemTrouble


def main() -> None:
    """Run a command; an error of ours becomes its sentence and its exit status."""
    if isinstance(sys.stdout, TextIOWrapper):
        # File names need not be UTF-8 (a zip made on a Japanese Windows): they are printed with escapes, valid in JSON.
        sys.stdout.reconfigure(errors="backslashreplace")
    with errors_told_in(default_language()):
        try:
            app(prog_name="grader")
        except KeyboardInterrupt:
            sys.exit(128 + signal.SIGINT)
        except OSError as error:
            raise SystemTrouble(what=str(error)) from error
