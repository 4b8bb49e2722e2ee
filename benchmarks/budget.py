"""Where a submission's processor time goes, step by step, and what hidden calls cost in the kernel and in copies of it.

    .venv/bin/python benchmarks/budget.py [--rounds N]

The steps run one after the other in this process, on a database and in a sandbox as a service has them. Each thread's
own time is counted; that of kernels and their fork server in a control group, where Linux lets us make one.
"""

import argparse
import gc
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import psutil
from places import KERNEL_PYTHON, usual_notebooks
from processes import CpuMeter
from rows import Row, print_table
from service import running_service

from grader.domain.device import WITHOUT_GPU
from grader.domain.execution import Limits, QuestionPlan
from grader.domain.ids import QuestionId, RunId
from grader.domain.jobs import JobKind
from grader.domain.notebook import Cell, CellKind, Notebook
from grader.domain.people import Role
from grader.domain.probe import CallFunction
from grader.domain.values import ScalarValue
from grader.flow.assess import assess
from grader.flow.grade import Bench, _keep, _load_case, _store, claim_next, work
from grader.flow.people import NewMember, add_member, authenticate, make_token
from grader.flow.ports import Stores
from grader.flow.submit import Intake, Upload, submit
from grader.sandbox.runner import SandboxRunner
from grader.settings import Settings
from grader.wiring import data_folder, first_start
from grader.wiring.bench import make_bench
from grader.wiring.processes import make_intake

CALLS = 9
EACH_HANDS_IN = 10
WARM_UP = 5
SOURCES = {"in the kernel": "def f(x): return x * x", "in one copy of it": "n = 0\ndef f(x):\n    global n\n    n = x"}
"""A function that leaves nothing behind, and one that does."""
COPIES_EACH = "in a copy for each"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=100)
    print_table(measure(rounds=parser.parse_args().rounds))


def measure(*, rounds: int) -> list[Row]:
    steps = measure_steps(rounds=rounds)
    steps["HTTP around the upload"] = max(measure_uploads(rounds=rounds) - steps["upload, as a flow"], 0.0)
    rows = [Row(name=name, value=1000 * seconds, unit="ms") for name, seconds in steps.items()]
    rows.append(Row(name="all steps", value=1000 * sum(steps.values()), unit="ms"))
    calls = measure_calls(rounds=rounds)
    return rows + [Row(name=f"{CALLS} hidden calls {how}", value=1000 * seconds, unit="ms") for how, seconds in calls]


class Budget:
    """Seconds by step."""

    def __init__(self) -> None:
        self.seconds: Counter[str] = Counter()

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        start = time.thread_time()
        yield
        self.seconds[name] += time.thread_time() - start


def measure_steps(*, rounds: int) -> dict[str, float]:
    budget = Budget()
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        settings = Settings(data_folder=Path(folder) / "data", bundled="torch-tensor")
        first_start.prepare(settings)
        stores = stack.enter_context(data_folder.open_stores(settings))
        kernels = stack.enter_context(CpuMeter("kernels"))
        runner = stack.enter_context(SandboxRunner(KERNEL_PYTHON, ready=1))
        add_fork_server(kernels)
        bench = make_bench(settings, stores=stores, runner=runner, devices=WITHOUT_GPU)
        intake = make_intake(settings, stores=stores)
        tokens = [new_student(number, stores=stores) for number in range(rounds // EACH_HANDS_IN + 1)]
        work(claim(bench), bench=bench)  # the publishing job
        for number, data in enumerate(usual_notebooks(WARM_UP + rounds)):
            if number == WARM_UP:
                gc.collect()
                gc.freeze()  # as the service does
                budget.seconds.clear()
                kernels_s, loop_s = kernels.seconds(), loop_seconds()
            grade_one(data, token=tokens[number % len(tokens)], bench=bench, intake=intake, budget=budget)
        budget.seconds["kernels and their fork server"] = kernels.seconds() - kernels_s
        budget.seconds["driving the kernel"] = loop_seconds() - loop_s
    return {name: seconds / rounds for name, seconds in budget.seconds.items()}


def new_student(number: int, *, stores: Stores) -> str:
    """Their token."""
    login = f"student{number}"
    add_member(NewMember(login=login, name=login, role=Role.STUDENT), course="demo", stores=stores)
    return make_token(login, label="benchmark", stores=stores).secret


def grade_one(data: bytes, *, token: str, bench: Bench, intake: Intake, budget: Budget) -> None:
    stores = bench.stores
    with budget.step("upload, as a flow"):
        caller = authenticate(token, stores=stores)
        upload = Upload(
            data=data,
            file_name="kadai8.ipynb",
            course="demo",
            assignment="torch-tensor",
            received_at=datetime.now(UTC),
        )
        submit(upload, caller=caller, intake=intake)
    with budget.step("claim"):
        claimed = claim(bench)
    with budget.step("load"):
        case = _load_case(RunId(claimed.subject), environment=bench.runner.environment, bench=bench)
        expected = bench.proofs.load(case.run.version)
    marks: list[float] = []
    with budget.step("read"):
        notebook = bench.read_notebook(stores.blobs.get(case.notebook))
    start = time.thread_time()
    assessment = assess(
        notebook,
        assignment=case.assignment,
        expected=expected,
        runner=bench.runner,
        key=bench.secret,
        on_phase=lambda _phase: marks.append(time.thread_time()),
    )
    ran, compared = marks[-2], marks[-1]
    budget.seconds["locate and ask"] += ran - start
    budget.seconds["wait for the kernel"] += compared - ran
    budget.seconds["compare, explain"] += time.thread_time() - compared
    with budget.step("store"):
        graded = _keep(assessment, bench=bench)
        with stores.storage.writing() as tx:
            stores.queue.finish(tx, claimed)
            _store(tx, case.run, graded, at=stores.clock.now())


def claim(bench: Bench):
    claimed = claim_next(worker="benchmark", kinds=tuple(JobKind), bench=bench, is_likely=True)
    assert claimed is not None
    return claimed


def add_fork_server(meter: CpuMeter) -> None:
    for child in psutil.Process().children():
        meter.add(child.pid)


def loop_seconds() -> float:
    """What the thread that drives kernels has taken."""
    (thread,) = [one for one in threading.enumerate() if one.name == "sandbox"]
    return time.clock_gettime(time.pthread_getcpuclockid(thread.ident))


def measure_uploads(*, rounds: int) -> float:
    """Seconds that the web process takes for an upload while nothing is graded."""
    with (
        tempfile.TemporaryDirectory() as folder,
        running_service(
            Path(folder) / "data", wait_until_ready=False, GRADER_WORKERS="1", GRADER_KERNEL_PYTHON="/nowhere"
        ) as service,
    ):
        client = service.add_member("ann")
        web = service.children()["web"]
        for number, data in enumerate(usual_notebooks(WARM_UP + rounds)):
            if number == WARM_UP:
                before = web.cpu_times()
            answer = client.hand_in(data)
            assert answer.status_code == 202, answer.text
        after = web.cpu_times()
    return (after.user + after.system - before.user - before.system) / rounds


def measure_calls(*, rounds: int) -> Iterator[tuple[str, float]]:
    """Seconds in the kernel and below, the same notebook without any calls taken off."""
    together = [call_of("f", inputs=range(CALLS))]
    apart = [call_of("f", inputs=[number]) for number in range(CALLS)]
    with CpuMeter("calls") as meter, SandboxRunner(KERNEL_PYTHON) as runner:
        add_fork_server(meter)
        for how, source, probes in (
            *((how, source, together) for how, source in SOURCES.items()),
            (COPIES_EACH, SOURCES["in one copy of it"], apart),
        ):
            taken_s = {bool(asked): 0.0 for asked in (True, False)}
            for number in range(rounds + 1):
                for asked in ([], probes):
                    seconds = run_once(runner, meter, source, asked)
                    taken_s[bool(asked)] += seconds if number else 0.0  # the first fills caches
            yield how, (taken_s[True] - taken_s[False]) / rounds


def call_of(name: str, *, inputs: Sequence[int]) -> CallFunction:
    calls = tuple((ScalarValue(type_name="float", value=float(value)),) for value in inputs)
    return CallFunction(key=f"{inputs[0]}", names=(name,), calls=calls, gradients=False, seconds=5.0)


def run_once(runner: SandboxRunner, meter: CpuMeter, source: str, probes: Sequence[CallFunction]) -> float:
    cell = Cell(index=0, kind=CellKind.CODE, source=source, cell_id="f")
    plan = QuestionPlan(question_id=QuestionId("q1"), code_cells=(0,), probes=tuple(probes))
    before = meter.seconds()
    runner.run(Notebook(cells=(cell,)), plan=[plan], limits=Limits())
    return meter.seconds() - before


if __name__ == "__main__":
    main()
