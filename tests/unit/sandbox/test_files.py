"""Data files leave for a kernel only where they can do no harm there."""

import pytest

from grader.errors import SandboxFailed
from grader.sandbox.files import FILES_MAX_BYTES, check_files


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("../digits.npz", id="above the folder"),
        pytest.param("data/../../digits.npz", id="above it by a detour"),
        pytest.param("/work/digits.npz", id="absolute"),
        pytest.param("./digits.npz", id="dot"),
        pytest.param("data//digits.npz", id="empty part"),
        pytest.param("data/", id="a folder"),
        pytest.param("", id="no name"),
        pytest.param("digits\0.npz", id="a name no system takes"),
    ],
)
def test_a_name_that_could_leave_the_folder_is_refused_by_name(path):
    with pytest.raises(SandboxFailed, match="does not lie beside the notebook") as caught:
        check_files({path: b""})

    assert repr(path) in str(caught.value.facts["what"])


@pytest.mark.parametrize("path", ["digits.npz", "data/digits.npz", "データ/数字.csv", "..hidden"])
def test_a_name_inside_may_travel(path):
    check_files({path: b"1"})


def test_the_files_are_bounded_together():
    half = bytes(FILES_MAX_BYTES // 2)

    check_files({"a": half, "b": half})
    with pytest.raises(SandboxFailed, match="together"):
        check_files({"a": half, "b": half, "c": b"1"})
