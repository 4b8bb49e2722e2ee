"""The API holds what its own description promises, whatever is sent: no failure of ours, no answer it does not name."""

import string
from types import SimpleNamespace

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import checks
from town import build_town, open_town

from grader.web.app import create_app

EXAMPLES = 25
"""For each operation, the same in every run."""
CALLERS = ("", "zoe", "ann", "tom", "ida", "eve")
# Which statuses are promised says the description, and 503 of /readyz is one of them; 500 it names nowhere.
HELD = [
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
]
SCHEMA = "/api/v1/openapi.json"
ANY_NAME = st.text(string.ascii_letters + string.digits + "-_.~あ%", min_size=1, max_size=20)


def operations(app):
    found = schemathesis.openapi.from_asgi(SCHEMA, app).get_all_operations()
    return {operation.label: operation for operation in (each.ok() for each in found)}


LABELS = sorted(operations(create_app(SimpleNamespace(max_upload_bytes=1, public_url=None, stores=None))))


@pytest.fixture(scope="module")
def town(tmp_path_factory, built):
    return build_town(tmp_path_factory.mktemp("town"), template=built)


@pytest.fixture(scope="module")
def described(town):
    school, services = open_town(town.folder)
    yield operations(create_app(services))
    school.stores.storage.close()


@pytest.mark.parametrize("label", LABELS)
def test_every_answer_is_one_that_the_description_names(label, described, town):
    operation = described[label]
    names = [part[1:-1] for part in operation.path.split("/") if part.startswith("{")]
    known = {name: str(town.names[name]) for name in names}
    places = st.just(known) | st.fixed_dictionaries({name: st.just(known[name]) | ANY_NAME for name in names})

    @given(data=st.data(), login=st.sampled_from(CALLERS))
    @settings(
        max_examples=EXAMPLES, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
    )
    def ask(data, login):
        case = data.draw(operation.as_strategy(path_parameters=data.draw(places)))
        headers = {"Authorization": f"Bearer {town.tokens[login]}"} if login else {}
        case.call_and_validate(headers=headers, checks=HELD)

    ask()
