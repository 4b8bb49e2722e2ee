"""Every class that rendering writes has a look."""

import re
from importlib import resources

import pytest
from safe_html import OURS

STYLE = (resources.files("grader.web") / "static" / "notebook.css").read_text("utf-8")
PLAIN = {"nb-cell-code", "nb-cell-markdown", "nb-cell-raw", "nb-output"}
"""Names for scripts and other rules."""
FLAGS = ("bold", "dim", "italic", "underline", "inverse")
TERMINAL = [f"ansi-{name}" for name in (*FLAGS, *(f"{ground}-{n}" for ground in ("fg", "bg") for n in range(16)))]


@pytest.mark.parametrize("name", sorted({*OURS, *TERMINAL} - PLAIN))
def test_class_of_rendering_has_a_rule(name):
    assert re.search(rf"\.{re.escape(name)}(?![\w-])", STYLE)
