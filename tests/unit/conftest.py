"""A school on a database of its own, copied from one that was migrated once."""

import pytest
from school import School, new_database


@pytest.fixture(scope="session")
def migrated(tmp_path_factory):
    path = tmp_path_factory.mktemp("template") / "grader.sqlite3"
    new_database(path).close()
    return path


@pytest.fixture
def school(tmp_path, migrated):
    school = School.open(tmp_path, template=migrated)
    yield school
    school.stores.storage.close()
