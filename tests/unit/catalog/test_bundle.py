"""Where an assignment's files lie."""

import os

import pytest

import grader
from grader.catalog import bundled, parse, read_bundle
from grader.catalog.bundle import MAX_BUNDLED_FILE_BYTES
from grader.errors import InvalidAssignment


def write(path, data=b"x"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def test_an_instructors_folder_holds_its_reference(tmp_path):
    folder = tmp_path / "with spaces" / "my-homework"
    write(folder / "assignment.yaml", b"spec")
    write(folder / "reference.ipynb", b"reference")
    bundle = read_bundle(folder)
    assert bundle.slug == "my-homework"
    assert bundle.files == {"assignment.yaml": b"spec", "reference.ipynb": b"reference"}
    assert bundle.shown_name("reference.ipynb") == str(folder / "reference.ipynb")


def test_a_kept_collection_has_its_references_in_a_folder_of_their_own(tmp_path):
    folder = tmp_path / "assignments" / "my-homework"
    write(folder / "assignment.yaml", b"spec")
    write(tmp_path / "reference_solutions" / "my-homework.ipynb", b"reference")
    assert read_bundle(folder).files["reference.ipynb"] == b"reference"
    write(folder / "reference.ipynb", b"its own")
    assert read_bundle(folder).files["reference.ipynb"] == b"its own"


def test_files_that_are_not_there_are_left_to_parse(tmp_path):
    folder = tmp_path / "empty"
    folder.mkdir()
    bundle = read_bundle(folder)
    assert bundle.files == {}
    with pytest.raises(InvalidAssignment) as caught:
        parse(bundle)
    assert [(m.file, m.note.code) for m in caught.value.mistakes] == [
        (str(folder / "assignment.yaml"), "catalog.file_missing"),
        (str(folder / "reference.ipynb"), "catalog.file_missing"),
    ]


def test_a_folder_that_is_not_there_is_told(tmp_path):
    with pytest.raises(InvalidAssignment) as caught:
        read_bundle(tmp_path / "nowhere")
    assert [m.note.code for m in caught.value.mistakes] == ["catalog.folder_missing"]


def test_a_folder_in_place_of_a_file_is_told(tmp_path):
    folder = tmp_path / "odd"
    (folder / "assignment.yaml").mkdir(parents=True)
    with pytest.raises(InvalidAssignment) as caught:
        read_bundle(folder)
    assert [(m.file, m.note.code) for m in caught.value.mistakes] == [
        (str(folder / "assignment.yaml"), "catalog.file_unreadable")
    ]


def test_a_relative_folder_keeps_its_name(tmp_path, monkeypatch):
    write(tmp_path / "homework" / "assignment.yaml")
    (tmp_path / "homework" / "sub").mkdir()
    monkeypatch.chdir(tmp_path / "homework")
    here = type(tmp_path)
    assert read_bundle(here(".")).slug == "homework"
    assert read_bundle(here("sub") / os.pardir).slug == "homework"


def test_the_checkout_brings_homework_8():
    assert "torch-tensor" in bundled()
    files = set(read_bundle(bundled()["torch-tensor"]).files)
    assert files >= {"assignment.yaml", "reference.ipynb", "template.ja.ipynb", "template.en.ipynb"}


def test_an_installed_package_brings_its_assignments_inside(tmp_path, monkeypatch):
    package = tmp_path / "site-packages" / "grader"
    write(package / "bundled" / "assignments" / "one" / "assignment.yaml", b"spec")
    write(package / "bundled" / "assignments" / "not-one" / "notes.txt")
    write(package / "bundled" / "reference_solutions" / "one.ipynb", b"reference")
    write(tmp_path / "site-packages" / "assignments" / "somebody-elses" / "assignment.yaml")
    monkeypatch.setattr(grader, "__file__", str(package / "__init__.py"))
    assert list(bundled()) == ["one"]
    assert read_bundle(bundled()["one"]).files == {"assignment.yaml": b"spec", "reference.ipynb": b"reference"}


def test_a_package_without_assignments_brings_none(tmp_path, monkeypatch):
    monkeypatch.setattr(grader, "__file__", str(tmp_path / "grader" / "__init__.py"))
    assert bundled() == {}


def test_templates_and_equivalents_come_along(tmp_path):
    folder = tmp_path / "one"
    named = ["template.ja.ipynb", "template.en.ipynb", "equivalents/a.ipynb", "equivalents/b.ipynb"]
    for name in ["assignment.yaml", *named, "notes.txt", "equivalents/readme.md"]:
        write(folder / name, name.encode())
    files = read_bundle(folder).files
    assert {name: files[name] for name in named} == {name: name.encode() for name in named}
    assert files.keys() == {"assignment.yaml", *named}


@pytest.mark.parametrize("name", ["template.ja.ipynb", "equivalents/a.ipynb"])
def test_a_notebook_beside_the_yaml_that_leads_out_of_the_folder_is_told(tmp_path, name):
    folder = tmp_path / "one"
    write(folder / "assignment.yaml")
    write(tmp_path / "secret.ipynb")
    (folder / "equivalents").mkdir()
    (folder / name).symlink_to(tmp_path / "secret.ipynb")
    with pytest.raises(InvalidAssignment) as caught:
        read_bundle(folder)
    assert [(m.file, m.note.code) for m in caught.value.mistakes] == [(str(folder / name), "catalog.data_outside")]


def test_a_huge_file_is_not_read(tmp_path):
    folder = tmp_path / "huge"
    folder.mkdir()
    with (folder / "assignment.yaml").open("wb") as file:
        file.truncate(MAX_BUNDLED_FILE_BYTES + 1)
    with pytest.raises(InvalidAssignment) as caught:
        read_bundle(folder)
    assert [m.note.code for m in caught.value.mistakes] == ["catalog.file_too_large"]
