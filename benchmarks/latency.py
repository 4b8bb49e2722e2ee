"""Homework 8 one at a time: claim to stored result, and upload over HTTP to stored score, beside plain nbclient.

    .venv/bin/python benchmarks/latency.py [--rounds N]

Each round does both, one after the other, so that the ratio holds on a machine that is shared and noisy.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

from places import KERNEL_PYTHON, fresh_bytes, homework_8, timed
from rows import Row, print_table
from service import Client, Service, running_service
from stock_jupyter import run_plainly, stock_kernel

from grader.domain.ids import SubmissionId
from grader.domain.submission import Run
from grader.wiring import data_folder

WANTED_RATIO, STRETCH_RATIO, WANTED_RATIO_OVER_HTTP = 25, 30, 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=10)
    print_table(measure(rounds=parser.parse_args().rounds))


def measure(*, rounds: int) -> list[Row]:
    plain: list[float] = []
    whole: list[float] = []
    submitted = []
    with (
        tempfile.TemporaryDirectory() as folder,
        stock_kernel(Path(folder) / "jupyter", kernel_python=KERNEL_PYTHON),
        running_service(Path(folder) / "data") as service,
    ):
        client = service.add_member("benchmark")
        client.wait_for_result(client.hand_in(fresh_bytes(-1)).json()["id"])
        for number in range(rounds):
            plain.append(timed(lambda: run_plainly(homework_8())))
            data = fresh_bytes(number)
            whole.append(timed(lambda data=data: submitted.append(hand_in_and_wait(client, data))))
        runs = stored_runs(service, submitted)
    claimed = [(run.finished_at - run.started_at).total_seconds() for run in runs]
    against = {"baseline": 1000 * statistics.median(plain), "beside": "plain nbclient"}
    return [
        p50("homework 8, claim to result, p50", claimed, wanted_ratio=WANTED_RATIO, **against),
        p50("... the stretch", claimed, wanted_ratio=STRETCH_RATIO, is_stretch=True, **against),
        p50("homework 8, upload to stored score, p50", whole, wanted_ratio=WANTED_RATIO_OVER_HTTP, **against),
        Row(name="the slowest of them", value=1000 * max(whole), unit="ms"),
    ]


def p50(name: str, seconds: list[float], **fields) -> Row:
    return Row(name=name, value=1000 * statistics.median(seconds), unit="ms", **fields)


def hand_in_and_wait(client: Client, data: bytes) -> str:
    submission = client.hand_in(data).json()
    while client.get(f"/submissions/{submission['id']}").json()["state"] != "finished":
        time.sleep(0.005)
    return submission["id"]


def stored_runs(service: Service, submission_ids: list[str]) -> list[Run]:
    with data_folder.open_stores(service.settings) as stores, stores.storage.reading() as tx:
        return [tx.runs.get_newest(SubmissionId(one)) for one in submission_ids]


if __name__ == "__main__":
    main()
