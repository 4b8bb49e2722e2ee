"""The page on the assignment format names every file and every field that stands on no other page."""

from documentation import DOCS, names_in, rows_of, sections_of

from grader.catalog import bundle
from grader.catalog.data import MAX_FILES
from grader.catalog.form import RUBRIC_ITEM_FIELDS, WRITTEN_FIELDS
from grader.catalog.positions import MAX_FILE_BYTES

PAGE = (DOCS / "reference" / "assignment-format.md").read_text("utf-8")
SECTIONS = sections_of(PAGE)


def test_every_field_of_a_written_answer_is_described():
    described = [name for row in rows_of(SECTIONS["Written answers"]) for name in names_in(row[0])]

    assert described == [*WRITTEN_FIELDS, *RUBRIC_ITEM_FIELDS]


def test_every_file_of_a_bundle_is_described():
    described = {name for row in rows_of(SECTIONS["Files"]) for name in names_in(row[0])}

    assert described == {
        bundle.SPEC_FILE,
        bundle.REFERENCE_FILE,
        *bundle.TEMPLATES,
        f"{bundle.EQUIVALENTS}/*.ipynb",
        "data",
        "hidden",
    }


def test_the_limits_of_files_are_the_real_ones():
    limits = (bundle.MAX_DATA_FILE_BYTES, bundle.MAX_DATA_BYTES, MAX_FILE_BYTES)

    assert [f"{limit // 10**6} MB" in SECTIONS["Files"] for limit in limits] == [True] * 3
    assert f"at most {MAX_FILES}" in SECTIONS["Files"]


def test_the_line_that_names_the_schema_is_a_comment_of_the_file():
    (line,) = [line for line in PAGE.splitlines() if "yaml-language-server" in line]

    assert line.startswith("# yaml-language-server: $schema=")
