"""Words that are shown: the lines of the reference's text, found within the lines of a student's."""

import re
import unicodedata

from grader.domain.result import Finding, Verdict
from grader.domain.text import Fact

_ADDRESS = re.compile(r"0x[0-9a-fA-F]+")


def compare_words(text: str, wanted: str, *, in_any_order: bool = False) -> Finding:
    """Find every line of the wanted text within the lines of the student's; spacing and addresses aside."""
    lines = _plain_lines(text)
    rest = iter(lines)
    wanted_lines = _plain_lines(wanted)
    for position, line in enumerate(wanted_lines, start=1):
        pattern = re.compile(_edge(line[0], before=True) + re.escape(line) + _edge(line[-1], before=False), re.ASCII)
        if not any(pattern.search(shown) for shown in (lines if in_any_order else rest)):
            facts: dict[str, Fact] = {"position": position, "count": len(wanted_lines), "wanted": line[:200]}
            code = "output.text" if len(wanted_lines) == 1 else "output.line_missing"
            return Finding(verdict=Verdict.FAILED, code=code, facts=facts)
    return Finding(verdict=Verdict.PASSED, code="output.matches", facts={"count": len(wanted_lines)})


def _edge(character: str, *, before: bool) -> str:
    """`float` is not shown by 'float32': a line that begins or ends with a word does so at a word's border."""
    if not re.match(r"\w", character, re.ASCII):
        return ""
    return r"(?<!\w)" if before else r"(?!\w)"


def _plain_lines(text: str) -> list[str]:
    text = _ADDRESS.sub("0x", unicodedata.normalize("NFKC", text))
    return [line for line in (" ".join(raw.split()) for raw in text.splitlines()) if line]
