"""`grader submit` where points or details of a result are released later: the hand-in counts as one that worked."""

import json

import httpx2
import pytest
from school import notebook_bytes
from starlette.testclient import TestClient

from grader.domain.publishing import Dates, Release, Rules
from grader.flow.schedule import set_schedule
from grader.web.app import create_app
from grader.web.services import Services


@pytest.fixture
def submit(grader, school, tmp_path, monkeypatch):
    """Hands in, as ann, what is graded already; the service answers in this process."""
    app = create_app(
        Services(stores=school.stores, intake=school.intake, assignments=school.assignments, max_upload_bytes=1 << 20)
    )
    monkeypatch.setattr(
        httpx2, "Client", lambda *, base_url, headers, timeout: TestClient(app, base_url=base_url, headers=headers)
    )
    file = tmp_path / "hw.ipynb"
    file.write_bytes(notebook_bytes(x=3, y=4))
    school.submit("ann", file.read_bytes())
    school.work_off()
    school.caller("ann")
    token = school.secrets["ann"]

    def submit(*more, dates=Dates(), **rules):  # noqa: B008  # frozen: no call can change it
        rules = Rules(**rules)
        set_schedule("demo", "tiny", dates=dates, rules=rules, caller=school.caller("ida"), stores=school.stores)
        return grader("submit", str(file), "-c", "demo", "-a", "tiny", "--token", token, "--lang", "en", *more)

    return submit


@pytest.mark.parametrize("options", [(), ("--json",)], ids=["table", "json"])
def test_held_back_points_are_no_failure(submit, options):
    said = submit(*options, release=Release.BY_HAND)

    assert said.status == 0
    assert said.err == "Received and graded. You can read your points once your instructor releases them.\n"
    assert (json.loads(said.out)["state"], json.loads(said.out)["totals"]) == ("finished", None)


def test_points_without_details_are_a_row_for_each_question(submit):
    said = submit(details=Release.BY_HAND)

    assert said.status == 0
    rows = [" ".join(line.split()) for line in said.out.splitlines()]
    assert "✓ q1 10/10" in rows
    assert "✓ q2 5/5 +5…" in rows
    assert "once your instructor releases it." in " ".join(rows)
