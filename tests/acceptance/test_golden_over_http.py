"""Every golden submission gets exactly its points through the API."""

import pytest
from golden import assert_as_expected, load_golden

GOLDEN = load_golden("torch-tensor")


@pytest.fixture(scope="module")
def handed_in(service):
    """All of them handed in at once, each by a student of its own; results are then read one by one."""
    submissions = {}
    for number, golden in enumerate(GOLDEN):
        client = service.add_member(f"golden-{number}")
        answer = client.hand_in(golden.path.read_bytes(), name=golden.path.name)
        assert answer.status_code == 202, answer.text
        submissions[golden] = (client, answer.json()["id"])
    return submissions


@pytest.mark.parametrize("golden", GOLDEN, ids=str)
def test_a_golden_submission_gets_its_points_over_http(golden, handed_in):
    client, submission_id = handed_in[golden]

    report = client.wait_for_result(submission_id)

    assert_as_expected(report, golden)
