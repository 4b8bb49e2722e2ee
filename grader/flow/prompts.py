"""Prompts as students read them: `{{expression}}` replaced by what the reference prints there."""

import re
from collections.abc import Mapping

from grader.domain.ids import VersionHash
from grader.domain.text import Text
from grader.flow.expected import read_prompt_outputs
from grader.flow.ports import Stores

_GAP = re.compile(r"\{\{(.+?)\}\}", re.DOTALL)


def load_prompt_outputs(version: VersionHash, *, stores: Stores) -> Mapping[str, Mapping[str, str]]:
    """What the reference prints, by question and expression; empty until a worker has run it."""
    with stores.storage.reading() as tx:
        blobs = tx.versions.list_expected(version)
    blob = next(iter(blobs.values()), None)
    return {} if blob is None else read_prompt_outputs(stores.blobs.get(blob))


def render_prompt(prompt: Text, outputs: Mapping[str, str]) -> Text:
    """The prompt as Markdown with its gaps filled: in a code block as it is, elsewhere as a block of its own.

    A gap stays as the author wrote it while nothing is known of it.
    """
    return Text(ja=_render(prompt.ja, outputs), en=_render(prompt.en, outputs))


def _render(markdown: str, outputs: Mapping[str, str]) -> str:
    def fill(gap: re.Match[str]) -> str:
        shown = outputs.get(gap[1].strip())
        if shown is None:
            return gap[0]
        is_fenced = markdown.count("```", 0, gap.start()) % 2 == 1
        return shown if is_fenced else f"\n\n```text\n{shown}\n```\n"

    return _GAP.sub(fill, markdown)
