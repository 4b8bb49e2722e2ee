"""Doubles that keep the promises of flow.ports: each passes the contract tests of the thing it stands for."""

import ast
import hashlib
import itertools
import threading
from datetime import UTC, datetime, timedelta

from grader.domain.cage import CageLine, LineState
from grader.domain.device import WITHOUT_GPU, Device
from grader.domain.execution import CellRun, CellState, Execution, Outcome
from grader.domain.ids import BlobKey, EnvironmentHash, JobId
from grader.domain.jobs import Claim, JobKind, QueueDepth
from grader.domain.probe import TakeNames
from grader.domain.python import parse_strictly
from grader.domain.values import NamesReply, ScalarValue
from grader.errors import LeaseLost, NotFound

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


class FixedClock:
    """Stands still until it is told to move."""

    def __init__(self, at=NOON):
        self.at = at

    def now(self):
        return self.at

    def pass_s(self, seconds):
        self.at += timedelta(seconds=seconds)


class InMemoryBlobs:
    def __init__(self):
        self.files = {}

    def put(self, data):
        key = BlobKey(hashlib.sha256(data).hexdigest())
        self.files[key] = bytes(data)
        return key

    def get(self, key):
        if key not in self.files:
            raise NotFound(what="file", name=key)
        return self.files[key]

    def measure(self, key):
        return len(self.files.get(key, b""))


class InMemoryQueue:
    """A queue without a database: the transaction is ignored, so nothing is undone with it."""

    def __init__(self, *, now, lease_s=15.0):
        self.lease_s = lease_s
        self._now = now
        self._jobs = {}
        self._places = itertools.count()

    def enqueue(self, tx, *, kind, subject, device=Device.CPU, after_s=0):
        due_at = self._now() + timedelta(seconds=after_s)
        for job in self._jobs.values():
            if (job["kind"], job["subject"]) == (kind, subject):
                if job["worker"] is None:
                    job.update(due_at=due_at, attempts=0)
                return job["job_id"]
        place = next(self._places)
        job_id = JobId(f"job-{place}")
        self._jobs[job_id] = {
            "job_id": job_id,
            "place": (list(JobKind).index(kind), place),
            "kind": kind,
            "device": device,
            "subject": subject,
            "queued_at": self._now(),
            "due_at": due_at,
            "token": 0,
            "attempts": 0,
            "worker": None,
        }
        return job_id

    def has_work(self, tx, *, kinds, devices=WITHOUT_GPU):
        return self._next(kinds, devices) is not None

    def claim(self, tx, *, worker, kinds, devices=WITHOUT_GPU):
        job = self._next(kinds, devices)
        if job is None:
            return None
        job["token"] += 1
        job["attempts"] += 1
        job["worker"] = worker
        job["due_at"] = self._now() + timedelta(seconds=self.lease_s)
        return Claim(
            job_id=job["job_id"],
            kind=job["kind"],
            subject=job["subject"],
            token=job["token"],
            attempt=job["attempts"],
        )

    def renew(self, tx, claim):
        self._held(claim)["due_at"] = self._now() + timedelta(seconds=self.lease_s)

    def finish(self, tx, claim):
        del self._jobs[self._held(claim)["job_id"]]

    def retry(self, tx, claim, *, after_s):
        self._held(claim).update(worker=None, due_at=self._now() + timedelta(seconds=after_s))

    def release(self, tx, claim):
        self._held(claim).update(worker=None, due_at=self._now(), attempts=claim.attempt - 1)

    def depth(self, tx):
        leased = [job for job in self._jobs.values() if job["worker"] and job["due_at"] > self._now()]
        return QueueDepth(
            waiting=len(self._jobs) - len(leased),
            leased=len(leased),
            oldest_at=min((job["queued_at"] for job in self._jobs.values()), default=None),
            waiting_for_gpu=sum(job["device"] is Device.CUDA and job not in leased for job in self._jobs.values()),
        )

    def find_place(self, tx, *, kind, subject):
        waiting = [job for job in self._jobs.values() if job["worker"] is None]
        own = next((job["place"] for job in waiting if (job["kind"], job["subject"]) == (kind, subject)), None)
        return None if own is None else sum(job["place"] <= own for job in waiting)

    def _next(self, kinds, devices):
        due = [
            job
            for job in self._jobs.values()
            if job["kind"] in kinds and job["device"] in devices and job["due_at"] <= self._now()
        ]
        prefers = Device.CUDA in devices

        def rank(job):
            is_slow = prefers and job["kind"] in (JobKind.TRY, JobKind.SELF_TEST)
            return is_slow, prefers and job["device"] is Device.ANY, job["place"]

        return min(due, key=rank, default=None)

    def _held(self, claim):
        job = self._jobs.get(claim.job_id)
        if job is None or job["worker"] is None or job["token"] != claim.token:
            raise LeaseLost(job=claim.job_id)
        return job


class FakeRunner:
    """Executes nothing: reads `name = literal` and `name = other` lines of the cells, and fails as it is told to.

    `plans` holds what was asked of each run, the last one last. `cannot_give` are questions that get nothing.
    `trouble` holds exceptions, the next one first; None in it is a run that goes well. `gate` blocks a run until set.
    """

    def __init__(self, *, environment="e" * 64, trouble=(), gate=None):
        self._environment = EnvironmentHash(environment)
        self.trouble = list(trouble)
        self.unavailable = None
        self.gate = gate
        self.started = threading.Event()
        self.runs = 0
        self.plans = []
        self.notebooks = []
        self.cannot_give = ()

    @property
    def environment(self):
        if self.unavailable is not None:
            raise self.unavailable
        return self._environment

    @environment.setter
    def environment(self, value):
        self._environment = EnvironmentHash(value)

    def run(self, notebook, *, plan, limits, files=None, on_phase=None):
        self.runs += 1
        self.files = dict(files or {})
        self.plans.append(tuple(plan))
        self.notebooks.append(notebook)
        self.started.set()
        if on_phase:
            on_phase("executing")
        if self.gate is not None:
            assert self.gate.wait(30)
        error = self.trouble.pop(0) if self.trouble else None
        if error is not None:
            raise error
        names = {}
        replies = {}
        for cell in notebook.code_cells:
            for question in plan:
                if question.given and question.code_cells and question.code_cells[0] == cell.index:
                    given = dict(_assignments(question.given.source, names={}))
                    if question.question_id not in self.cannot_give:
                        names.update({name: given[name] for name in question.given.names if name in given})
            names.update(_assignments(cell.source, names=names))
            for question in plan:
                if question.code_cells and question.code_cells[-1] == cell.index:
                    for probe in question.probes:
                        assert isinstance(probe, TakeNames)
                        values = {name: names[name] for name in probe.names if name in names}
                        replies[probe.key] = NamesReply(values=values)
        return Execution(
            outcome=Outcome.COMPLETED,
            cells=tuple(CellRun(index=cell.index, state=CellState.OK) for cell in notebook.code_cells),
            replies=replies,
            environment=self._environment,
            executed_notebook=b'{"cells": []}',
            not_given=tuple(one.question_id for one in plan if one.given and one.question_id in self.cannot_give),
        )


class FakeCanary:
    """Says of the cage what it is told to say. `broken` names the lines that do not hold, `trouble` is raised once."""

    def __init__(self, *, broken=()):
        self.broken = list(broken)
        self.trouble = []
        self.environment = "as it was"
        self.tries = 0
        self.renewals = 0

    def mark(self):
        return self.environment

    def renew(self):
        self.renewals += 1

    def try_cage(self):
        self.tries += 1
        if self.trouble:
            raise self.trouble.pop(0)
        broken = [CageLine(name=name, state=LineState.NOT_OK, found="done") for name in self.broken]
        return (*broken, CageLine(name="bpf", state=LineState.OK))


def _assignments(source, *, names):
    known = dict(names)
    for statement in parse_strictly(source).body:
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            name = statement.targets[0].id
            if not isinstance(statement.value, ast.Name):
                value = ast.literal_eval(statement.value)
                known[name] = ScalarValue(type_name=type(value).__name__, value=value)
            elif statement.value.id in known:
                known[name] = known[statement.value.id]
            else:
                return  # a NameError: nothing of the cell's rest runs
            yield name, known[name]
