"""What a worker grades with; a module of its own, since the web process can do without what it imports."""

from functools import partial

from grader.domain.device import Device
from grader.flow.grade import Bench
from grader.flow.ports import Runner, Stores
from grader.flow.proofs import Proofs, Prover
from grader.notebook.read import read
from grader.sandbox import wire
from grader.settings import Settings
from grader.wiring.configuration import read_limits
from grader.wiring.data_folder import draw_key, stored_assignments


def make_bench(settings: Settings, *, stores: Stores, runner: Runner, devices: frozenset[Device]) -> Bench:
    """What grading needs, for runs on these devices."""
    assignments, secret = stored_assignments(stores), draw_key(settings)
    prover = Prover(stores=stores, assignments=assignments, runner=runner, codec=wire, secret=secret)
    return Bench(
        stores=stores,
        assignments=assignments,
        proofs=Proofs(prover),
        runner=runner,
        codec=wire,
        read_notebook=partial(read, limits=read_limits(settings)),
        secret=secret,
        devices=devices,
        max_attempts=settings.max_attempts,
    )
