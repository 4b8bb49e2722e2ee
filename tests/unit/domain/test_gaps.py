"""Where a text has gaps, however it is made."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.domain.gaps import fill_gaps, find_gaps

MEANT = re.compile(r"\{\{(.+?)\}\}", re.DOTALL)
"""What a gap is, in a word; looking for it takes time with the square of the braces."""


@given(st.text(alphabet="{} \na", max_size=40))
def test_a_gap_is_what_is_meant_by_one(text):
    found = list(find_gaps(text))

    assert [(gap.start, gap.end) for gap in found] == [match.span() for match in MEANT.finditer(text)]
    assert [gap.expression for gap in found] == [match[1].strip() for match in MEANT.finditer(text)]
    assert fill_gaps(text, lambda gap: f"<{gap.expression}>") == MEANT.sub(lambda match: f"<{match[1].strip()}>", text)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("{" * 1_000_000, id="all open"),
        pytest.param("{{}" * 300_000, id="all half closed"),
    ],
)
def test_a_million_braces_are_looked_at_once(text):
    assert list(find_gaps(text)) == []
    assert fill_gaps(text, lambda _: "") == text
