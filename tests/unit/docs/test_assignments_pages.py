"""The pages of the bundled assignments are what their script writes, and they tell both languages."""

import runpy

from documentation import CHECKOUT, DOCS

from grader.catalog import bundled

PAGES = DOCS / "assignments"
MADE = runpy.run_path(str(CHECKOUT / "scripts" / "document-assignments"))["make_pages"]()


def test_the_pages_are_what_the_script_writes():
    written = {path.name: path.read_text("utf-8") for path in PAGES.glob("*.md")}

    assert written == MADE, "run `.venv/bin/python scripts/document-assignments`"


def test_every_bundled_assignment_has_a_page_with_notes_for_instructors():
    assert set(MADE) == {f"{slug}.md" for slug in bundled()} | {"README.md"}
    for slug in bundled():
        assert "### Notes for instructors" in MADE[f"{slug}.md"]
        assert "### 教員へのメモ" in MADE[f"{slug}.md"]
