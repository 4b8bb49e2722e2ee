"""What each file of an assignment is for, and which of them may go."""

import pytest

from grader.catalog.inventory import Purpose, find_file, list_files
from grader.errors import NotFound

SPEC = b"""\
title: x
data: [data/train.npz, lost.txt]
hidden: [test.npz]
"""
FILES = {
    "assignment.yaml": SPEC,
    "reference.ipynb": b"{}",
    "template.ja.ipynb": b"{}",
    "equivalents/loop.ipynb": b"{}",
    "data/train.npz": bytes(1025),
    "test.npz": b"",
    "notes.txt": b"n",
}


def test_every_file_says_what_it_is_for_and_those_that_are_missing_are_named():
    assert [(each.path, each.purpose.value, each.size_bytes) for each in list_files(FILES)] == [
        ("assignment.yaml", "spec", len(SPEC)),
        ("reference.ipynb", "reference", 2),
        ("template.ja.ipynb", "template", 2),
        ("equivalents/loop.ipynb", "equivalent", 2),
        ("data/train.npz", "data", 1025),
        ("lost.txt", "data", None),
        ("test.npz", "hidden", 0),
        ("notes.txt", "unused", 1),
    ]


def test_only_what_nothing_names_may_go():
    may_go = [each.path for each in list_files(FILES) if not each.is_needed]
    assert may_go == ["template.ja.ipynb", "equivalents/loop.ipynb", "notes.txt"]


@pytest.mark.parametrize(
    "spec",
    [
        pytest.param(b"title: [", id="no YAML"),
        pytest.param(b"\xff", id="no UTF-8"),
        pytest.param(None, id="no file"),
    ],
)
def test_without_a_yaml_nobody_knows_what_data_is_for(spec):
    others = {path: data for path, data in FILES.items() if path != "assignment.yaml"}

    found = {each.path: each for each in list_files(others if spec is None else others | {"assignment.yaml": spec})}

    assert found["data/train.npz"].purpose is Purpose.UNKNOWN
    assert found["data/train.npz"].is_needed
    assert not found["template.ja.ipynb"].is_needed


def test_nothing_at_all_still_says_what_an_assignment_needs():
    assert [(each.path, each.size_bytes) for each in list_files({})] == [
        ("assignment.yaml", None),
        ("reference.ipynb", None),
    ]


def test_sizes_are_rounded_up():
    assert find_file("data/train.npz", files=FILES).size_kb == 2


def test_what_is_neither_there_nor_named_is_not_found():
    assert find_file("lost.txt", files=FILES).size_bytes is None
    with pytest.raises(NotFound):
        find_file("../secret", files=FILES)
