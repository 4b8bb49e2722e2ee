"""The product's Markdown pages as tests read them: headings, tables, links and the examples that must work."""

import json
import re
from dataclasses import dataclass
from pathlib import Path

from grader.catalog import Bundle

CHECKOUT = Path(__file__).parents[2]
DOCS = CHECKOUT / "docs"
CHECKS_PAGE = DOCS / "reference" / "checks.md"

_FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_EXAMPLE = re.compile(
    r"^<!-- example: (?P<name>[\w-]+) -->\n```yaml\n(?P<spec>.*?)^```\n```python\n(?P<code>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
_LINK = re.compile(r"(?<!!)\[[^\]]*\]\((?P<target>[^)\s]+)\)")


@dataclass(frozen=True, kw_only=True)
class Example:
    """An assignment as the page shows it: its file, and its reference in the percent format."""

    name: str
    spec: str
    code: str

    @property
    def bundle(self) -> Bundle:
        files = {"assignment.yaml": self.spec.encode(), "reference.ipynb": notebook_of(self.code)}
        return Bundle(slug=f"example-{self.name}", files=files)


def read_examples(page: str) -> list[Example]:
    return [Example(**match.groupdict()) for match in _EXAMPLE.finditer(page)]


def notebook_of(code: str) -> bytes:
    """A notebook in the percent format, as editors and jupytext know it, as .ipynb."""
    cells = []
    for index, part in enumerate(re.split(r"^# %%", code, flags=re.MULTILINE)[1:]):
        first, _, body = part.partition("\n")
        is_text = first.strip() == "[markdown]"
        source = re.sub(r"^# ?", "", body, flags=re.MULTILINE) if is_text else body
        cell = {
            "id": f"cell-{index}",
            "cell_type": "markdown" if is_text else "code",
            "metadata": {},
            "source": source.strip("\n"),
        }
        cells.append(cell if is_text else cell | {"outputs": [], "execution_count": None})
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells}).encode()


def sections_of(page: str) -> dict[str, str]:
    """The text below each heading of level 2 or 3, its deeper ones included, by heading."""
    text = _FENCED.sub(lambda block: block[0].replace("\n#", "\n\\#"), page)
    marks = [(match.start(), len(match[1]), match[2]) for match in re.finditer(r"^(##+) (.+)$", text, re.MULTILINE)]
    sections = {}
    for place, (start, level, title) in enumerate(marks):
        ends = [other for other, depth, _ in marks[place + 1 :] if depth <= level]
        sections[title] = text[start : ends[0] if ends else len(text)]
    return sections


def rows_of(section: str) -> list[list[str]]:
    """The cells of every table row in a section, header and rule left out."""
    rows = []
    for block in re.findall(r"(?:^\|.*\|$\n?)+", section, re.MULTILINE):
        lines = [re.split(r"(?<!\\)\|", line)[1:-1] for line in block.strip().splitlines()]
        rows += [[cell.strip() for cell in line] for line in lines[2:]]
    return rows


def names_in(cell: str) -> list[str]:
    """What stands in backticks."""
    return re.findall(r"`([^`]+)`", cell)


def anchors_of(page: str) -> set[str]:
    """The anchors that GitHub gives a page's headings."""
    titles = re.findall(r"^#+ (.+)$", _FENCED.sub("", page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def relative_links_of(page: str) -> list[str]:
    """Targets of a page's links that lead to another file or place of the checkout."""
    targets = [match["target"] for match in _LINK.finditer(_FENCED.sub("", page))]
    return [target for target in targets if not re.match(r"[a-z]+:", target)]
