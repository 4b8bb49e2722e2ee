"""A container is known by its engine's mark, however it was started."""

import pytest

from grader.sandbox.container import is_container


@pytest.mark.parametrize(
    ("file", "environment", "expected"),
    [
        pytest.param(".dockerenv", {}, True, id="Docker's file"),
        pytest.param("run/.containerenv", {}, True, id="podman's file"),
        pytest.param("etc/hosts", {"container": "podman"}, True, id="podman with a read-only root has the variable"),
        pytest.param("etc/hosts", {"container": ""}, False, id="an empty variable says nothing"),
        pytest.param("etc/hosts", {}, False, id="a machine of one's own"),
    ],
)
def test_a_container_is_known_by_its_marks(tmp_path, file, environment, expected):
    (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / file).touch()

    assert is_container(tmp_path, environment=environment) is expected
