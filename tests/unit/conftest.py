"""A school on files of its own, copied from one that was built once."""

import pytest
from school import School

from grader.flow import passwords


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    """Folder of a school that offers 'tiny'."""
    folder = tmp_path_factory.mktemp("school")
    school = School.open(folder)
    school.offer()
    school.stores.storage.close()
    return folder


@pytest.fixture(scope="session")
def migrated(built):
    return built / "grader.sqlite3"


@pytest.fixture
def school(tmp_path, built):
    school = School.open(tmp_path, template=built)
    yield school
    school.stores.storage.close()


@pytest.fixture
def school_with_dates(tmp_path):
    """Opens a school whose one offering has these dates."""
    opened = []

    def open_school(**dates):
        school = School.open(tmp_path)
        school.offer(**dates)
        opened.append(school)
        return school

    yield open_school
    for school in opened:
        school.stores.storage.close()


@pytest.fixture
def cheap_hashes(monkeypatch):
    """Hashes that cost next to nothing: what they cost is no promise of those who ask for this."""
    monkeypatch.setattr(passwords, "_HASHER", passwords.Argon2Hasher(memory_cost=8, time_cost=1, parallelism=1))
    passwords._nobodys_hash.cache_clear()
    yield
    passwords._nobodys_hash.cache_clear()
