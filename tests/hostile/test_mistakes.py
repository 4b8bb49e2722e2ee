"""What an author can get wrong harms nobody: the assignment is refused, with findings that have words."""

import textwrap
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from documentation import notebook_of
from victim import Victim

from grader.catalog import Bundle, parse
from grader.domain.text import Language, Note
from grader.errors import InvalidAssignment, SpecDoesNotHold
from grader.feedback.catalogue import sentence
from grader.flow.prove import prove
from grader.sandbox.runner import SandboxRunner
from tests.hostile.judge import GROWTH_MAX_BYTES, MemoryPeak, look


@dataclass(frozen=True, kw_only=True)
class AuthorMistake:
    """An assignment and its reference, as an author might publish them."""

    name: str
    tries: str
    questions: str
    code: str
    finds: Sequence[str]
    """Codes of findings, one of which must be told."""
    head: str = ""

    @property
    def bundle(self) -> Bundle:
        spec = f"title: T\n{self.head.strip()}\nquestions:\n{textwrap.indent(self.questions, '  ')}\n"
        cells = f"# %% [markdown]\n# ## 問題1\n# %%\n{self.code}\n"
        return Bundle(slug="mistaken", files={"assignment.yaml": spec.encode(), "reference.ipynb": notebook_of(cells)})


MISTAKES = [
    AuthorMistake(**entry)
    for entry in tomllib.loads((Path(__file__).parent / "mistakes.toml").read_text(encoding="utf-8"))["mistake"]
]


def findings(mistake: AuthorMistake, runner: SandboxRunner) -> Sequence[Note]:
    try:
        prove(parse(mistake.bundle), runner=runner, secret=b"secret")
    except SpecDoesNotHold as refusal:
        return refusal.findings
    except InvalidAssignment as refusal:
        return [told.note for told in refusal.mistakes]
    return []


@pytest.mark.usefixtures("warm")
@pytest.mark.parametrize("mistake", [pytest.param(mistake, id=mistake.name) for mistake in MISTAKES])
def test_mistake_is_refused_and_harms_nobody(
    mistake: AuthorMistake, sandbox_runner: SandboxRunner, victim: Victim, tmp_path: Path
) -> None:
    before, memory = look(tmp_path), MemoryPeak()

    found = findings(mistake, sandbox_runner)

    growth_bytes, after = memory.growth_bytes, look(tmp_path)
    assert {note.code for note in found} & set(mistake.finds), found
    assert all(sentence(note, language) for note in found for language in Language)
    assert growth_bytes < GROWTH_MAX_BYTES
    assert (after.processes, after.descriptors, after.files) == (before.processes, before.descriptors, before.files)
    assert victim.complaint() == ""
