"""Data files beside the YAML: students get some, checks alone see others, and nothing outside the folder is read."""

import io
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest

from grader.catalog import Bundle, parse, read_bundle
from grader.catalog.bundle import MAX_DATA_BYTES, MAX_DATA_FILE_BYTES
from grader.catalog.data import read_data
from grader.catalog.mistakes import MistakeList
from grader.catalog.paths import find_fault
from grader.catalog.positions import read_yaml
from grader.domain.text import Language
from grader.errors import InvalidAssignment
from grader.feedback.catalogue import sentence
from grader.grading.arrays import find_array


def packed(**arrays):
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def zipped(**members):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(f"{name}.npy", data)
    return file.getvalue()


DIGITS = packed(x=np.arange(6, dtype=np.float32).reshape(2, 3), y=np.array([1, 0]))


@pytest.fixture
def folder(tmp_path, spec, notebook):
    """An assignment's folder; what its YAML shall say more is written by `write_more`."""
    folder = tmp_path / "assignments" / "small"
    folder.mkdir(parents=True)
    (folder / "reference.ipynb").write_bytes(notebook("## 問題1", "t = [1]", "## 問題2", "print(t[0])", ">Because."))
    (folder / "assignment.yaml").write_text(spec)
    return folder


def write_more(folder, *lines):
    with (folder / "assignment.yaml").open("a") as file:
        file.write("".join(f"{line}\n" for line in lines))
    return folder


def put(folder, path, data=DIGITS):
    file = folder / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)


def mistakes_in(folder):
    with pytest.raises(InvalidAssignment) as caught:
        parse(read_bundle(folder))
    assert all(sentence(one.note, language) for one in caught.value.mistakes for language in Language)
    assert {one.file for one in caught.value.mistakes} == {str(folder / "assignment.yaml")}
    return [(one.line, one.field, one.note.code.removeprefix("catalog.")) for one in caught.value.mistakes]


LINE = 16  # the first line after the small assignment


def test_students_get_data_under_the_path_that_the_author_wrote(folder):
    put(folder, "data/digits.npz")
    put(folder, "readme.txt", b"words")
    bundle = read_bundle(write_more(folder, "data: [data/digits.npz, readme.txt]"))
    assert parse(bundle).assignment.files == {"data/digits.npz": DIGITS, "readme.txt": b"words"}
    assert bundle.files.keys() == {"assignment.yaml", "reference.ipynb", "data/digits.npz", "readme.txt"}


def test_hidden_files_are_in_the_bundle_and_never_among_the_students_files(folder):
    put(folder, "hidden/test.npz")
    bundle = read_bundle(write_more(folder, "hidden: [hidden/test.npz]"))
    assert parse(bundle).assignment.files == {}
    assert bundle.files["hidden/test.npz"] == DIGITS


def test_what_was_read_from_a_folder_reads_again_from_what_was_stored(folder):
    put(folder, "data/a.npz")
    put(folder, "hidden/test.npz")
    bundle = read_bundle(write_more(folder, "data: [data/a.npz]", "hidden: [hidden/test.npz]"))
    again = parse(Bundle(slug=bundle.slug, files=dict(bundle.files)))
    assert again.assignment == parse(bundle).assignment


@pytest.mark.parametrize(
    ("path", "code"),
    [
        pytest.param("../secret.npz", "data_outside", id="up"),
        pytest.param("data/../../secret.npz", "data_outside", id="down and up"),
        pytest.param("data/..", "data_outside", id="up at the end"),
        pytest.param("/etc/passwd", "data_outside", id="absolute"),
        pytest.param("~/x.npz", "data_outside", id="at home"),
        pytest.param("C:/x.npz", "data_outside", id="on a drive"),
        pytest.param("a\\b.npz", "data_path", id="a backslash"),
        pytest.param("data:x", "data_path", id="a colon"),
        pytest.param("a//b", "data_path", id="an empty part"),
        pytest.param("./a", "data_path", id="here"),
        pytest.param("a/", "data_path", id="a folder's name"),
        pytest.param("a\0b", "data_path", id="NUL"),
        pytest.param("a\nb", "data_path", id="a line break"),
        pytest.param(" a", "data_path", id="a space before"),
        pytest.param("", "data_path", id="nothing"),
        pytest.param("a" * 201, "data_path", id="far too long"),
        pytest.param("assignment.yaml", "data_clash", id="the assignment itself"),
        pytest.param("reference.ipynb", "data_clash", id="the reference"),
        pytest.param("data/a.IPYNB", "data_clash", id="any notebook"),
        pytest.param("data/digits.npz", None, id="a file in a folder"),
        pytest.param("データ.csv", None, id="Japanese"),
        pytest.param("a..b", None, id="dots that are no way up"),
    ],
)
def test_a_path_stays_inside_the_folder(path, code):
    assert find_fault(path) == code


def test_every_file_that_cannot_be_had_is_told_at_once_with_its_line(folder, tmp_path):
    put(tmp_path, "outside.npz")
    put(tmp_path, "elsewhere/in.npz")
    (folder / "sub").mkdir()
    (folder / "link.npz").symlink_to(tmp_path / "outside.npz")
    (folder / "linked").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    (folder / "loop").symlink_to("loop")
    os.mkfifo(folder / "pipe")
    with (folder / "huge.bin").open("wb") as file:
        file.truncate(10**9)
    put(folder, "good.npz")
    names = "../outside.npz link.npz linked/in.npz loop pipe sub huge.bin nothing.npz good.npz good.npz /dev/zero"
    write_more(folder, "data:", *(f"- {name}" for name in names.split()), "- 5", "hidden: [good.npz]")
    assert mistakes_in(folder) == [
        (LINE + 1, "data[0]", "data_outside"),
        (LINE + 2, "data[1]", "data_outside"),
        (LINE + 3, "data[2]", "data_outside"),
        (LINE + 4, "data[3]", "file_unreadable"),
        (LINE + 5, "data[4]", "data_not_a_file"),
        (LINE + 6, "data[5]", "data_not_a_file"),
        (LINE + 7, "data[6]", "file_too_large"),
        (LINE + 8, "data[7]", "data_missing"),
        (LINE + 10, "data[9]", "data_twice"),
        (LINE + 11, "data[10]", "data_outside"),
        (LINE + 12, "data[11]", "not_text"),
        (LINE + 13, "hidden[0]", "data_twice"),
    ]


def test_a_link_that_stays_inside_is_a_file_like_any_other(folder, tmp_path):
    put(folder, "kept/a.npz")
    (folder / "a.npz").symlink_to("kept/a.npz")
    (tmp_path / "way").symlink_to(folder.parent, target_is_directory=True)
    write_more(folder, "data: [a.npz]")
    for way in (folder, tmp_path / "way" / "small"):
        assert parse(read_bundle(way)).assignment.files == {"a.npz": DIGITS}


def test_a_huge_file_is_refused_by_its_size_before_it_is_read(folder, monkeypatch):
    with (folder / "huge.bin").open("wb") as file:
        file.truncate(10**9)
    read = []
    read_bytes = Path.read_bytes
    monkeypatch.setattr(Path, "read_bytes", lambda path: read.append(path.name) or read_bytes(path))
    bundle = read_bundle(write_more(folder, "data: [huge.bin]"))
    assert read == ["assignment.yaml", "reference.ipynb"]
    assert bundle.refused["huge.bin"].facts == {"size_bytes": 10**9, "limit_bytes": MAX_DATA_FILE_BYTES}


def test_all_files_together_have_a_limit(folder):
    for name in "abc":
        with (folder / name).open("wb") as file:
            file.truncate(MAX_DATA_BYTES // 3 + 1)
    assert mistakes_in(write_more(folder, "data: [a, b]", "hidden: [c]")) == [(LINE + 1, "hidden[0]", "data_too_large")]


def test_a_list_is_asked_for(folder):
    assert mistakes_in(write_more(folder, "data: a.npz", "hidden: {a: b}")) == [
        (LINE, "data", "not_a_list"),
        (LINE + 1, "hidden", "not_a_list"),
    ]


def test_a_list_has_an_end(folder):
    put(folder, "a.npz")
    assert (LINE, "data", "too_long") in mistakes_in(write_more(folder, f"data: [{', '.join(['a.npz'] * 51)}]"))


def arrays_of(data):
    mistakes = MistakeList()
    root = read_yaml(b"hidden: [h.npz]", file="assignment.yaml", mistakes=mistakes)
    found = read_data(root, bundle=Bundle(slug="small", files={"h.npz": data}), mistakes=mistakes)
    return found.arrays, [one.note.code.removeprefix("catalog.") for one in mistakes.in_order]


@pytest.mark.parametrize(
    "array",
    [
        pytest.param(np.arange(6, dtype=np.float32).reshape(2, 3), id="float32"),
        pytest.param(np.asfortranarray(np.arange(6).reshape(2, 3)), id="columns first"),
        pytest.param(np.arange(3, dtype=">i4"), id="the other byte order"),
        pytest.param(np.array(2.5), id="one number"),
        pytest.param(np.zeros((0, 4), np.float16), id="nothing in it"),
        pytest.param(np.array([True, False]), id="truths"),
    ],
)
def test_arrays_come_out_as_they_went_in(array):
    arrays, mistakes = arrays_of(packed(x=array))
    assert mistakes == []
    assert np.array_equal(find_array(arrays["h.npz:x"]), array)
    assert arrays["h.npz:x"].dtype == array.dtype.name


HEADER = b"\x93NUMPY\x01\x00v\x00{'descr': '<f4', 'fortran_order': False, 'shape': (SHAPE,), }"


def headed(shape, data=b""):
    text = HEADER[10:].replace(b"SHAPE", shape)
    return HEADER[:10].replace(b"v", b"\x76") + text.ljust(0x75) + b"\n" + data


@pytest.mark.parametrize(
    ("data", "code"),
    [
        pytest.param(packed(x=np.array([{}, None], dtype=object)), "hidden_not_numbers", id="objects, so a pickle"),
        pytest.param(packed(x=np.array(["a"])), "hidden_not_numbers", id="words"),
        pytest.param(packed(x=np.zeros(1, [("a", "i4")])), "hidden_not_numbers", id="records"),
        pytest.param(packed(x=np.zeros(1, "M8[s]")), "hidden_not_numbers", id="dates"),
        pytest.param(b"not an archive", "hidden_not_npz", id="no archive"),
        pytest.param(b"", "hidden_not_npz", id="an empty file"),
        pytest.param(DIGITS[:-40], "hidden_not_npz", id="cut off"),
        pytest.param(zipped(x=b"cos\nsystem\n(S'true'\ntR."), "hidden_not_npz", id="a bare pickle"),
        pytest.param(zipped(x=headed(b"1000000000000")), "hidden_not_npz", id="more numbers than bytes"),
        pytest.param(zipped(x=headed(b"-1", b"1234")), "hidden_not_npz", id="a negative size"),
        pytest.param(zipped(x=b"\0" * 200_000_001), "hidden_too_large", id="a bomb"),
    ],
)
def test_only_plain_numbers_are_read(data, code):
    arrays, mistakes = arrays_of(data)
    assert mistakes == [code]
    assert arrays == {}
