"""No golden submission with full points loses any under other hidden inputs: a score is never luck."""

import random
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from draws import lost_under
from golden import ASSIGNMENTS, load_golden

from grader.catalog import bundled, parse, read_bundle
from grader.flow.expected import POOL_SIZE
from grader.flow.prove import prove
from grader.notebook.read import read
from grader.sandbox.runner import SandboxRunner

CHECKOUT = Path(__file__).parents[2]
SLOTS = 2
DRAWS = 8
TRAINED = ("digits-mlp", "gpu-device", "linear-regression")
"""Whose right answers begin at random weights, which each submission fixes by a seed of its own."""
SEEDING = re.compile(r"^ *torch\.manual_seed\(\d+\)$", re.MULTILINE)
SOAK_DRAWS_PER_SECRET, SOAK_SECRETS = 50, (b"one", b"two", b"three", b"four")


@pytest.fixture(scope="module")
def runner():
    with SandboxRunner(CHECKOUT / ".venv-kernel" / "bin" / "python", slots=SLOTS) as runner:
        yield runner


@cache
def load(assignment):
    return parse(read_bundle(bundled()[assignment]))


def lost_by(assignment, *, runner, secret, count, read=read):
    """Every full golden submission of an assignment under so many draws; gives those that lose, with what and where."""
    loaded = load(assignment)
    expected = prove(loaded, runner=runner, secret=secret)
    full = [golden for golden in load_golden(assignment) if golden.verdict == "full"]
    assert full

    def lost(golden):
        draws = random.Random(str(golden)).sample(range(POOL_SIZE), count)
        return lost_under(
            read(golden.path.read_bytes()),
            assignment=loaded.assignment,
            expected=expected,
            runner=runner,
            draws=draws,
        )

    with ThreadPoolExecutor(SLOTS) as pool:
        found = zip(full, pool.map(lost, full), strict=True)
        return {golden.name: what for golden, what in found if what}


@pytest.mark.parametrize("assignment", ASSIGNMENTS)
def test_full_points_are_full_points_under_every_draw(assignment, runner):
    assert lost_by(assignment, runner=runner, secret=b"secret", count=DRAWS) == {}


@pytest.mark.soak
@pytest.mark.parametrize("secret", SOAK_SECRETS)
@pytest.mark.parametrize("assignment", ASSIGNMENTS)
def test_full_points_stay_full_points_under_two_hundred_draws(assignment, secret, runner):
    assert lost_by(assignment, runner=runner, secret=secret, count=SOAK_DRAWS_PER_SECRET) == {}


def without_seeds(data):
    """The notebook with other random numbers in every run."""
    notebook = read(data)
    cells = tuple(replace(cell, source=SEEDING.sub("", cell.source)) for cell in notebook.cells)
    assert cells != notebook.cells
    return replace(notebook, cells=cells)


@pytest.mark.parametrize("assignment", TRAINED)
def test_training_under_any_seed_keeps_full_points(assignment, runner):
    assert lost_by(assignment, runner=runner, secret=b"secret", count=1, read=without_seeds) == {}


@pytest.mark.soak
@pytest.mark.parametrize("assignment", TRAINED)
def test_training_under_twenty_seeds_keeps_full_points(assignment, runner):
    for _ in range(20):
        assert lost_by(assignment, runner=runner, secret=b"secret", count=1, read=without_seeds) == {}


def test_a_mistake_is_seen_under_every_draw(runner):
    loaded = load("torch-tensor")
    expected = prove(loaded, runner=runner, secret=b"secret")
    (wrong,) = [golden for golden in load_golden("torch-tensor") if golden.name == "wrong_constant_in_f"]

    lost = lost_under(
        read(wrong.path.read_bytes()), assignment=loaded.assignment, expected=expected, runner=runner, draws=range(5)
    )

    assert [draw for draw, *_ in lost["q6/function"]] == list(range(5))
