import pytest
from service import running_service


@pytest.fixture(scope="session")
def service(tmp_path_factory):
    """One real service for all acceptance tests that do not break it."""
    with running_service(tmp_path_factory.mktemp("service") / "data folder") as service:
        yield service
