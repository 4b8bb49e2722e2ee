"""The environment hash changes with what decides values and with nothing else."""

import pytest

from grader.sandbox.environment import hash_environment

DESCRIPTION = {"python": "3.11.2", "machine": "x86_64", "packages": ["numpy==2.4.6", "torch==2.13.0"]}


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "part").mkdir()
    (tmp_path / "shell.py").write_text("a")
    (tmp_path / "part" / "b.py").write_text("b")
    return tmp_path


def test_same_things_give_the_same_hash_wherever_they_lie(folder, tmp_path_factory):
    other = tmp_path_factory.mktemp("other")
    (other / "part").mkdir()
    (other / "shell.py").write_text("a")
    (other / "part" / "b.py").write_text("b")
    (other / "__pycache__").mkdir()
    (other / "__pycache__" / "shell.cpython-311.pyc").write_bytes(b"x")

    assert hash_environment(DESCRIPTION, kernel_folder=folder) == hash_environment(DESCRIPTION, kernel_folder=other)


def test_every_part_counts(folder):
    before = hash_environment(DESCRIPTION, kernel_folder=folder)
    hashes = {before, hash_environment({**DESCRIPTION, "packages": ["torch==2.13.1"]}, kernel_folder=folder)}
    (folder / "part" / "b.py").write_text("c")
    hashes.add(hash_environment(DESCRIPTION, kernel_folder=folder))
    (folder / "part" / "b.py").rename(folder / "b.py")
    hashes.add(hash_environment(DESCRIPTION, kernel_folder=folder))

    assert len(hashes) == 4
