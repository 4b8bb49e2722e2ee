"""When the cage must be tried, and that nothing but a whole one passes."""

import pytest
from doubles import FakeCanary, FakeRunner, FixedClock

from grader.errors import SandboxFailed, SandboxUnavailable, SandboxUnsafe
from grader.flow.watch import CageWatch


@pytest.fixture
def clock():
    return FixedClock()


@pytest.fixture
def canary():
    return FakeCanary()


@pytest.fixture
def watch(canary, clock):
    return CageWatch(canary, runner=FakeRunner(environment="e" * 64), clock=clock, every_s=60)


def test_the_cage_is_tried_before_anything_else_and_then_once_in_a_while(watch, canary, clock):
    assert watch.is_due()
    assert watch.prove() == "e" * 64
    assert not watch.is_due()
    clock.pass_s(59)
    assert not watch.is_due()
    clock.pass_s(1)
    assert watch.is_due()
    watch.prove()
    assert (watch.is_due(), canary.tries) == (False, 2)


def test_a_new_environment_is_due_at_once_and_gets_a_new_cage(watch, canary):
    watch.prove()
    renewals = canary.renewals
    canary.environment = "another"
    assert (watch.is_due(), watch.has_new_environment()) == (True, True)
    watch.prove()
    assert (watch.is_due(), watch.has_new_environment(), canary.renewals) == (False, False, renewals + 1)


def test_an_hourly_trial_is_made_in_the_cage_that_students_get(watch, canary, clock):
    watch.prove()
    renewals = canary.renewals
    clock.pass_s(60)
    watch.prove()
    assert canary.renewals == renewals


def test_what_changes_while_the_cage_is_tried_is_seen_afterwards(watch, canary, monkeypatch):
    tried = canary.try_cage

    def change_meanwhile():
        canary.environment = "half installed"
        return tried()

    monkeypatch.setattr(canary, "try_cage", change_meanwhile)
    watch.prove()
    assert watch.is_due()


@pytest.mark.parametrize("error", [SandboxFailed(what="x"), SandboxUnavailable(what="x"), OSError("x")], ids=repr)
def test_a_trial_that_breaks_off_proves_nothing(watch, canary, clock, error):
    watch.prove()
    clock.pass_s(60)
    canary.trouble = [error]
    with pytest.raises(type(error)):
        watch.prove()
    assert watch.is_due()
    watch.prove()
    assert not watch.is_due()


def test_a_cage_that_leaks_is_named_line_by_line_and_tried_in_a_new_one(watch, canary):
    canary.broken = ["mounts", "sockets"]
    with pytest.raises(SandboxUnsafe) as caught:
        watch.prove()
    assert caught.value.facts["lines"] == ["mounts", "sockets"]
    assert "mounts (not_ok) done" in caught.value.facts["found"]
    renewals = canary.renewals
    canary.broken = []
    watch.prove()
    assert canary.renewals == renewals + 1
