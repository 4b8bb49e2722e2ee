"""Folders, zips and files that are dropped on a page become the files of an assignment."""

import io
import zipfile

import pytest

from grader.catalog import dropped
from grader.catalog.dropped import read_added, read_dropped, read_replacement, suggest_slug
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


THERE = {
    "assignment.yaml": b"data: [data/digits.npz, data/lost.npz]",
    "reference.ipynb": b"r",
    "data/digits.npz": b"d",
    "equivalents/loop.ipynb": b"l",
}


@pytest.mark.parametrize(
    ("uploads", "folder", "added"),
    [
        pytest.param([("reference.ipynb", b"n")], "", {"reference.ipynb": b"n"}, id="one that is there"),
        pytest.param([("digits.npz", b"n")], "", {"data/digits.npz": b"n"}, id="one by its name alone"),
        pytest.param([("lost.npz", b"n")], "", {"data/lost.npz": b"n"}, id="one that the YAML waits for"),
        pytest.param([("other.npz", b"n")], "", {"other.npz": b"n"}, id="one that nobody knows"),
        pytest.param([("sum.ipynb", b"n")], "equivalents", {"equivalents/sum.ipynb": b"n"}, id="into a folder"),
        pytest.param([("digits.npz", b"n")], "old\\x ", {"old/x/digits.npz": b"n"}, id="into a folder, not its place"),
        pytest.param([("data/lost.npz", b"n")], "", {"data/lost.npz": b"n"}, id="a folder"),
        pytest.param(
            [("equivalents/reference.ipynb", b"n")],
            "",
            {"equivalents/reference.ipynb": b"n"},
            id="a folder keeps its name",
        ),
        pytest.param([("x.zip", zipped({"data/lost.npz": b"n"}))], "", {"data/lost.npz": b"n"}, id="a zip"),
        pytest.param(
            [("hw/assignment.yaml", b"a"), ("hw/digits.npz", b"n")],
            "",
            {"assignment.yaml": b"a", "digits.npz": b"n"},
            id="a whole assignment",
        ),
    ],
)
def test_what_is_added_goes_where_it_belongs(uploads, folder, added):
    assert read_added(uploads, files=THERE, folder=folder) == added


@pytest.mark.parametrize(
    ("uploads", "folder", "code"),
    [
        pytest.param([("x.npz", b"")], "../up", "data_path", id="a folder that leads out"),
        pytest.param([("x.npz", b"")], "/etc", "data_path", id="an absolute folder"),
        pytest.param([("../x.npz", b"")], "", "data_path", id="a name that leads out"),
        pytest.param([("x.zip", b"PK broken")], "", "zip_unreadable", id="a broken zip"),
        pytest.param([("x.npz", bytes(1990))], "", "data_too_large", id="too much together with what is there"),
        pytest.param([(f"{n}", b"") for n in range(499)], "", "too_long", id="too many together with what is there"),
    ],
)
def test_what_cannot_be_added_is_told(monkeypatch, uploads, folder, code):
    monkeypatch.setattr(dropped, "MAX_DATA_BYTES", 2000)
    with pytest.raises(InvalidAssignment) as caught:
        read_added(uploads, files=THERE, folder=folder)
    assert [mistake.note.code for mistake in caught.value.mistakes] == [f"catalog.{code}"]


def test_a_replacement_is_taken_as_it_is_and_counts_in_the_place_of_the_old_one(monkeypatch):
    monkeypatch.setattr(dropped, "MAX_DATA_BYTES", 2000)
    packed = zipped({"x": b"x"})
    assert read_replacement(packed, path="data/digits.npz", files=THERE) == {"data/digits.npz": packed}
    full = {"a": bytes(1500), "b": bytes(500)}
    assert read_replacement(bytes(1500), path="a", files=full) == {"a": bytes(1500)}
    with pytest.raises(InvalidAssignment):
        read_replacement(bytes(1501), path="a", files=full)


def test_an_assignment_that_is_too_large_already_may_become_smaller(monkeypatch):
    monkeypatch.setattr(dropped, "MAX_DATA_BYTES", 2000)
    assert read_replacement(bytes(2500), path="a", files={"a": bytes(3000)}) == {"a": bytes(2500)}
