"""kill -9 of a worker, the web process and the supervisor during 100 submissions: none is lost, none is doubled."""

import json
import os
import signal
import subprocess
import sys
from collections import Counter

import httpx2
import psutil
import pytest
import sqlalchemy as sa
from golden import load_golden
from service import START_PATIENCE_S, STOP_PATIENCE_S, running_service, wait_until

from grader.storage.engine import open_engine

SUBMISSIONS, STUDENTS = 100, 10
"""Each hands in ten: of many more in a short time the later ones would wait."""
FULL = next(golden for golden in load_golden("torch-tensor") if golden.name == "autograd_grad").path.read_bytes()


def numbered(number: int) -> bytes:
    notebook = json.loads(FULL)
    notebook["cells"].append({"cell_type": "markdown", "id": "n", "metadata": {}, "source": f"number {number}"})
    return json.dumps(notebook).encode()


def hand_in_until_accepted(service, client, number: int) -> str:
    """What a patient person does: try the same file again until the service says that it has it."""
    accepted = []

    def attempt():
        answer = client.hand_in(numbered(number), name=f"{number}.ipynb")
        if answer.status_code in (200, 202):
            accepted.append(answer.json()["id"])
        return bool(accepted)

    wait_until(attempt, service)
    return accepted[0]


@pytest.fixture(scope="module")
def after_the_storm(tmp_path_factory):
    """The data folder after 100 submissions and four murders, with the ids that were promised."""
    data = tmp_path_factory.mktemp("storm") / "data"
    promised = {}
    with running_service(data, GRADER_WORKERS="2", GRADER_LEASE_S="3") as service:
        clients = [service.add_member(f"storm{number}") for number in range(STUDENTS)]
        tokens = [client.headers["authorization"].removeprefix("Bearer ") for client in clients]
        for number in range(80):
            if number in (15, 55):
                service.children()["worker"].send_signal(signal.SIGKILL)
            if number == 35:
                service.children()["web"].send_signal(signal.SIGKILL)
            promised[number] = hand_in_until_accepted(service, clients[number % STUDENTS], number)
        orphans = list(service.children().values())
        service.process.send_signal(signal.SIGKILL)
        service.process.wait()
        _, alive = psutil.wait_procs(orphans, timeout=STOP_PATIENCE_S)
    left = [process.cmdline() for process in alive]
    with running_service(data, GRADER_WORKERS="2", GRADER_LEASE_S="3") as service:
        clients = [service.client(token) for token in tokens]
        for number in range(80, SUBMISSIONS):
            promised[number] = hand_in_until_accepted(service, clients[number % STUDENTS], number)
        scores = [
            clients[number % STUDENTS].wait_for_result(submission_id)["score"]
            for number, submission_id in promised.items()
        ]
        processes = psutil.Process(service.process.pid).children(recursive=True)
    _, still_there = psutil.wait_procs(processes, timeout=STOP_PATIENCE_S)
    return data, promised, scores, left, still_there


def rows(data, query: str):
    engine = open_engine(data / "grader.sqlite3")
    try:
        with engine.connect() as connection:
            return connection.execute(sa.text(query)).all()
    finally:
        engine.dispose()


def test_every_accepted_submission_is_graded(after_the_storm):
    _, promised, scores, _, _ = after_the_storm

    assert len(promised) == SUBMISSIONS
    assert set(scores) == {75}


def test_no_submission_is_doubled(after_the_storm):
    data, promised, _, _, _ = after_the_storm

    stored = rows(data, "SELECT submission_id, notebook FROM submissions")

    assert sorted(row[0] for row in stored) == sorted(promised.values())
    assert max(Counter(row[1] for row in stored).values()) == 1


def test_every_submission_is_graded_exactly_once(after_the_storm):
    data, promised, _, _, _ = after_the_storm

    runs = rows(data, "SELECT submission_id, state FROM runs")

    assert Counter(row[0] for row in runs) == dict.fromkeys(promised.values(), 1)
    assert {row[1] for row in runs} == {"finished"}


def test_the_children_of_a_killed_supervisor_end_by_themselves(after_the_storm):
    assert after_the_storm[3] == []


def test_stopping_leaves_no_process_behind(after_the_storm):
    assert after_the_storm[4] == []


def test_a_second_start_on_the_same_data_says_so_in_one_sentence(service, tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "grader", "serve"],
        env=os.environ | {"GRADER_DATA_FOLDER": str(service.data_folder), "GRADER_PORT": "0"},
        capture_output=True,
        text=True,
        timeout=START_PATIENCE_S,
        check=False,
    )

    assert done.returncode == 4
    assert len(done.stderr.strip().splitlines()) == 1
    assert str(service.data_folder) in done.stderr


def test_a_busy_port_says_so_in_one_sentence(service, tmp_path):
    port = httpx2.URL(service.url).port
    done = subprocess.run(
        [sys.executable, "-m", "grader", "serve"],
        env=os.environ | {"GRADER_DATA_FOLDER": str(tmp_path), "GRADER_PORT": str(port)},
        capture_output=True,
        text=True,
        timeout=START_PATIENCE_S,
        check=False,
    )

    assert done.returncode == 4
    assert len(done.stderr.strip().splitlines()) == 1
    assert str(port) in done.stderr


def test_without_a_sandbox_uploads_wait_and_the_reason_is_told(tmp_path):
    with running_service(
        tmp_path / "data", wait_until_ready=False, GRADER_KERNEL_PYTHON=str(tmp_path / "none" / "bin" / "python")
    ) as service:
        client = service.add_member("patient")
        wait_until(lambda: "sandbox" in httpx2.get(f"{service.url}/readyz").text, service)
        wait_until(lambda: httpx2.get(f"{service.url}/readyz").json()["workers"] != [], service)
        wait_until(
            lambda: httpx2.get(f"{service.url}/readyz").json()["workers"][0]["sandbox"] == "unavailable", service
        )
        answer = client.hand_in(FULL)
        ready = httpx2.get(f"{service.url}/readyz")
        result = client.get(f"/submissions/{answer.json()['id']}/result")
    assert answer.status_code == 202
    assert "一時停止" in answer.json()["message"]
    assert ready.status_code == 503
    assert any(str(tmp_path / "none") in sentence for sentence in ready.json()["missing"])
    assert (result.status_code, result.json()["code"]) == (409, "not_graded_yet")


def test_what_waited_is_graded_when_the_sandbox_is_there(tmp_path):
    data = tmp_path / "data"
    with running_service(
        data, wait_until_ready=False, GRADER_KERNEL_PYTHON=str(tmp_path / "none" / "bin" / "python")
    ) as service:
        client = service.add_member("patient")
        token = client.headers["authorization"].removeprefix("Bearer ")
        submission = client.hand_in(FULL).json()
    with running_service(data) as service:
        report = service.client(token).wait_for_result(submission["id"])
    assert report["score"] == 75
