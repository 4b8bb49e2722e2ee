"""The deadline inside the kernel: ends work, and gives back the student's handlers and timer."""

import signal
from collections.abc import Iterator

import pytest

from grader.sandbox.kernel.deadline import Deadline, Expired


@pytest.fixture(autouse=True)
def _handlers_of_the_test_run() -> Iterator[None]:
    kept = {number: signal.getsignal(number) for number in (signal.SIGALRM, signal.SIGINT)}
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    for number, handler in kept.items():
        signal.signal(number, handler)


def endless() -> None:
    while True:
        pass


def test_work_in_time_gives_its_result() -> None:
    with Deadline(5.0) as deadline:
        assert deadline.run(pow, 2, 3) == 8


def test_endless_work_ends() -> None:
    with Deadline(0.05) as deadline, pytest.raises(Expired):
        deadline.run(endless)


def test_work_does_not_start_after_the_deadline() -> None:
    started: list[int] = []
    with Deadline(0.0) as deadline, pytest.raises(Expired):
        deadline.run(started.append, 1)

    assert started == []


def test_work_that_swallowed_the_news_is_late_all_the_same() -> None:
    def swallow() -> str:
        try:
            endless()
        except BaseException:  # noqa: BLE001 - what a student may write
            return "done"
        return "never"

    with Deadline(0.05) as deadline, pytest.raises(Expired):
        deadline.run(swallow)


def test_news_swallowed_once_comes_again() -> None:
    def swallow_once() -> None:
        try:
            endless()
        except Expired:
            endless()

    with Deadline(0.05) as deadline, pytest.raises(Expired):
        deadline.run(swallow_once)


def test_an_error_of_the_work_is_its_own() -> None:
    with Deadline(5.0) as deadline, pytest.raises(ZeroDivisionError):
        deadline.run(divmod, 1, 0)


def test_a_call_may_have_less_time_than_there_is() -> None:
    with Deadline(60.0) as deadline:
        with pytest.raises(Expired):
            deadline.run(endless, within_s=0.05)

        assert deadline.left_s > 50.0
        assert deadline.run(pow, 2, 3, within_s=5.0) == 8
        assert deadline.run(pow, 2, 3) == 8


def test_a_call_never_has_more_time_than_there_is() -> None:
    with Deadline(0.05) as deadline:
        with pytest.raises(Expired):
            deadline.run(endless, within_s=60.0)

        assert deadline.left_s == 0.0


def test_after_a_call_with_its_own_time_the_alarm_is_set_for_the_rest() -> None:
    with Deadline(500.0) as deadline:
        deadline.run(pow, 2, 3, within_s=5.0)

        assert 400.0 < signal.getitimer(signal.ITIMER_REAL)[0] <= 500.0


def test_an_interrupt_meant_for_the_cell_ends_nothing() -> None:
    with Deadline(5.0) as deadline:
        signal.raise_signal(signal.SIGINT)

        assert deadline.run(signal.raise_signal, signal.SIGINT) is None


def test_afterwards_handlers_and_timer_are_the_students() -> None:
    def handler(number: int, frame: object) -> None: ...

    signal.signal(signal.SIGALRM, handler)
    signal.signal(signal.SIGINT, handler)
    signal.setitimer(signal.ITIMER_REAL, 500.0, 7.0)
    with Deadline(5.0):
        assert signal.getitimer(signal.ITIMER_REAL)[0] <= 5.0

    assert signal.getsignal(signal.SIGALRM) is handler
    assert signal.getsignal(signal.SIGINT) is handler
    left_s, again_s = signal.getitimer(signal.ITIMER_REAL)
    assert 400.0 < left_s <= 500.0
    assert again_s == 7.0
