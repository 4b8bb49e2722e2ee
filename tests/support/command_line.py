"""The command line within the test's own process: real arguments, exit status and output, without starting Python."""

import sys
from dataclasses import dataclass

from grader.cli import main


@dataclass(frozen=True)
class Said:
    status: int
    out: str
    err: str


def call(*arguments, capsys, monkeypatch, **environment):
    """Call `grader ARGUMENTS` with these variables."""
    with monkeypatch.context() as patch:
        for variable in ("GRADER_TOKEN", "GRADER_URL"):
            patch.delenv(variable, raising=False)
        for variable, value in environment.items():
            patch.setenv(variable, value)
        patch.setattr(sys, "argv", ["grader", *(str(argument) for argument in arguments)])
        capsys.readouterr()
        try:
            main()
            status = 0
        except SystemExit as ended:
            status = ended.code or 0
    said = capsys.readouterr()
    return Said(status, said.out, said.err)
