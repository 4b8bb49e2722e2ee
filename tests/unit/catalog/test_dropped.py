"""Folders, zips and files that are dropped on a page become the files of an assignment."""

import io
import zipfile

import pytest

from grader.catalog import dropped
from grader.catalog.dropped import read_dropped, suggest_slug
from grader.errors import InvalidAssignment


def zipped(files, *, packing=zipfile.ZIP_DEFLATED):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", packing) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return data.getvalue()


@pytest.mark.parametrize(
    "uploads",
    [
        pytest.param([("assignment.yaml", b"a"), ("data/x.npz", b"x")], id="files"),
        pytest.param([("hw/assignment.yaml", b"a"), ("hw/data/x.npz", b"x"), ("hw/.DS_Store", b"")], id="a folder"),
        pytest.param([("hw\\assignment.yaml", b"a"), ("hw\\data\\x.npz", b"x")], id="a folder of Windows"),
        pytest.param([("x.ZIP", zipped({"a/b/assignment.yaml": b"a", "a/b/data/x.npz": b"x"}))], id="a zip"),
        pytest.param(
            [("x.zip", zipped({"assignment.yaml": b"a", "data/x.npz": b"x", "__MACOSX/._assignment.yaml": b"m"}))],
            id="a zip of a Mac",
        ),
        pytest.param(
            [("hw/assignment.yaml", b"a"), ("hw/data/x.npz", b"x"), ("hw/old/assignment.yaml", b"o")][:2], id="the top"
        ),
    ],
)
def test_files_are_named_from_the_folder_on_that_holds_the_yaml(uploads):
    assert read_dropped(uploads) == {"assignment.yaml": b"a", "data/x.npz": b"x"}


@pytest.mark.parametrize(
    ("uploads", "code"),
    [
        pytest.param([("reference.ipynb", b"")], "file_missing", id="no YAML"),
        pytest.param([("x.zip", b"PK\x03\x04 broken")], "zip_unreadable", id="a broken zip"),
        pytest.param([("x.zip", zipped({"../assignment.yaml": b""}))], "data_path", id="a way out of the zip"),
        pytest.param([("/etc/assignment.yaml", b"")], "data_path", id="an absolute path"),
        pytest.param([("x.zip", zipped({f"{n}": b"" for n in range(501)}))], "too_long", id="too many files"),
        pytest.param([("x.zip", zipped({"assignment.yaml": bytes(3000)}))], "data_too_large", id="a zip bomb"),
        pytest.param(
            [(f"{name}.zip", zipped({f"{name}/assignment.yaml": bytes(900)})) for name in "abc"],
            "data_too_large",
            id="several zips that are a bomb together",
        ),
        pytest.param(
            [(f"{name}.zip", zipped({f"{name}/{n}": b"" for n in range(200)})) for name in "abc"],
            "too_long",
            id="too many files in several zips",
        ),
        pytest.param([(f"{n}/assignment.yaml", b"") for n in range(501)], "too_long", id="too many files as they are"),
        pytest.param(
            [("x.zip", zipped({"assignment.yaml": b"a"}, packing=zipfile.ZIP_BZIP2))],
            "zip_unreadable",
            id="bzip2, which zipfile unfolds without any bound",
        ),
        pytest.param(
            [("x.zip", zipped({"assignment.yaml": b"a"}, packing=zipfile.ZIP_LZMA))],
            "zip_unreadable",
            id="LZMA, likewise",
        ),
    ],
)
def test_what_cannot_be_used_is_told(monkeypatch, uploads, code):
    monkeypatch.setattr(dropped, "MAX_DATA_BYTES", 2000)
    with pytest.raises(InvalidAssignment) as caught:
        read_dropped(uploads)
    assert [mistake.note.code for mistake in caught.value.mistakes] == [f"catalog.{code}"]


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("My Homework 3/assignment.yaml", "my-homework-3"),
        ("Kadai_8 (2).ipynb", "kadai-8-2"),
        ("課題.zip", ""),
        ("a" * 99 + ".zip", "a" * 60),
    ],
)
def test_a_short_name_is_made_of_the_files(name, slug):
    assert suggest_slug([(name, b"")]) == slug
