"""What every queue promises, kept by the real one and by its double."""

from contextlib import contextmanager

import pytest
from doubles import InMemoryQueue

from grader.domain.device import WITH_GPU, WITHOUT_GPU, Device
from grader.domain.jobs import JobKind
from grader.errors import LeaseLost
from grader.queue.local import LocalQueue

EVERY_KIND = tuple(JobKind)


class Bench:
    """A queue with the transactions it acts in."""

    def __init__(self, queue, writing, clock):
        self.queue, self.writing, self.clock = queue, writing, clock

    def ask(self, *subjects, kind=JobKind.GRADE, device=Device.CPU):
        with self.writing() as tx:
            return [self.queue.enqueue(tx, kind=kind, subject=subject, device=device) for subject in subjects]

    def claim(self, worker="w", kinds=EVERY_KIND, devices=WITHOUT_GPU):
        with self.writing() as tx:
            return self.queue.claim(tx, worker=worker, kinds=kinds, devices=devices)

    def drain(self, devices):
        claims = iter(lambda: self.claim(devices=devices), None)
        return [claim.subject for claim in claims]

    def do(self, method, claim, **facts):
        with self.writing() as tx:
            getattr(self.queue, method)(tx, claim, **facts)


@contextmanager
def no_transaction():
    yield None


@pytest.fixture(params=["local", "in memory"])
def bench(request, school):
    if request.param == "local":
        return Bench(LocalQueue(now=school.clock.now), school.stores.storage.writing, school.clock)
    return Bench(InMemoryQueue(now=school.clock.now), no_transaction, school.clock)


@pytest.fixture(autouse=True)
def nothing_queued_yet(school):
    with school.stores.storage.writing() as tx:
        while claim := school.stores.queue.claim(tx, worker="sweeper", kinds=EVERY_KIND):
            school.stores.queue.finish(tx, claim)


def test_jobs_come_in_the_order_they_were_asked_for(bench):
    bench.ask("a", "b", "c")
    assert [bench.claim().subject for _ in range(3)] == ["a", "b", "c"]
    assert bench.claim() is None


def test_what_students_wait_for_comes_first_and_regrading_last(bench):
    bench.ask("old", kind=JobKind.REGRADE)
    bench.ask("version", kind=JobKind.PUBLISH)
    bench.ask("fresh", kind=JobKind.GRADE)
    assert [bench.claim().subject for _ in range(3)] == ["fresh", "version", "old"]


def test_only_the_kinds_asked_for_are_claimed(bench):
    bench.ask("fresh", kind=JobKind.GRADE)
    assert bench.claim(kinds=[JobKind.PUBLISH]) is None
    assert bench.claim(kinds=[JobKind.GRADE]).subject == "fresh"


def test_asking_twice_is_one_job(bench):
    first, second = bench.ask("a", "a")
    assert first == second
    bench.claim()
    assert bench.claim() is None


def test_asking_for_what_is_being_done_changes_nothing(bench):
    bench.ask("a")
    claim = bench.claim()
    bench.ask("a")
    assert bench.claim() is None
    bench.do("finish", claim)
    assert bench.claim() is None


def test_asking_again_makes_a_waiting_job_due_and_forgets_its_failures(bench):
    bench.ask("a")
    bench.do("retry", bench.claim(), after_s=60)
    assert bench.claim() is None
    bench.ask("a")
    assert bench.claim().attempt == 1


def test_a_job_may_be_due_later(bench):
    with bench.writing() as tx:
        bench.queue.enqueue(tx, kind=JobKind.GRADE, subject="later", after_s=30)
    bench.ask("now")

    assert bench.claim().subject == "now"
    assert bench.claim() is None
    bench.clock.pass_s(30)
    assert bench.claim().subject == "later"


def test_a_claimed_job_is_nobody_elses_while_its_lease_lasts(bench):
    bench.ask("a")
    bench.claim()
    bench.clock.pass_s(14)
    assert bench.claim("other") is None


def test_an_expired_lease_can_be_claimed_with_a_higher_token(bench):
    bench.ask("a")
    slow = bench.claim("slow")
    bench.clock.pass_s(15)
    quick = bench.claim("quick")
    assert quick.job_id == slow.job_id
    assert quick.token > slow.token
    assert quick.attempt == 2


@pytest.mark.parametrize("method", ["renew", "finish", "retry", "release"])
def test_who_lost_the_lease_can_do_nothing(bench, method):
    bench.ask("a")
    slow = bench.claim("slow")
    bench.clock.pass_s(15)
    quick = bench.claim("quick")
    with pytest.raises(LeaseLost):
        bench.do(method, slow, **({"after_s": 1} if method == "retry" else {}))
    bench.do("finish", quick)


@pytest.mark.parametrize("ending", ["finish", "retry", "release"])
def test_a_claim_ends_once(bench, ending):
    bench.ask("a")
    claim = bench.claim()
    facts = {"after_s": 0} if ending == "retry" else {}
    bench.do(ending, claim, **facts)
    with pytest.raises(LeaseLost):
        bench.do("finish", claim)


def test_a_renewed_lease_lasts_longer(bench):
    bench.ask("a")
    claim = bench.claim()
    bench.clock.pass_s(10)
    bench.do("renew", claim)
    bench.clock.pass_s(10)
    assert bench.claim("other") is None


def test_an_expired_lease_that_nobody_took_can_still_be_renewed(bench):
    bench.ask("a")
    claim = bench.claim()
    bench.clock.pass_s(20)
    bench.do("renew", claim)
    assert bench.claim("other") is None


def test_a_retry_waits_and_counts(bench):
    bench.ask("a")
    bench.do("retry", bench.claim(), after_s=5)
    bench.clock.pass_s(4)
    assert bench.claim() is None
    bench.clock.pass_s(1)
    assert bench.claim().attempt == 2


def test_work_given_back_is_due_at_once_and_does_not_count(bench):
    bench.ask("a")
    bench.do("release", bench.claim())
    claim = bench.claim()
    assert (claim.attempt, claim.token) == (1, 2)


def test_work_is_seen_without_being_taken(bench):
    with bench.writing() as tx:
        assert not bench.queue.has_work(tx, kinds=EVERY_KIND)
    bench.ask("a")
    with bench.writing() as tx:
        assert bench.queue.has_work(tx, kinds=EVERY_KIND)
        assert bench.queue.has_work(tx, kinds=EVERY_KIND)
        assert not bench.queue.has_work(tx, kinds=[JobKind.REGRADE])


def test_depth_tells_waiting_from_leased(bench):
    bench.ask("a", "b", "c")
    bench.claim()
    with bench.writing() as tx:
        depth = bench.queue.depth(tx)
    assert (depth.waiting, depth.leased, depth.oldest_at) == (2, 1, bench.clock.now())
    bench.clock.pass_s(15)
    with bench.writing() as tx:
        assert bench.queue.depth(tx).waiting == 3


def test_an_empty_queue_has_no_oldest_job(bench):
    with bench.writing() as tx:
        assert bench.queue.depth(tx).oldest_at is None


@pytest.mark.parametrize(
    ("devices", "taken"),
    [
        pytest.param(WITHOUT_GPU, ["plain", "either"], id="a worker without a GPU leaves what needs one"),
        pytest.param(WITH_GPU, ["first", "second", "old", "either", "later"], id="a GPU goes to those that need it"),
    ],
)
def test_work_finds_a_worker_with_the_device_it_needs(bench, devices, taken):
    bench.ask("later", kind=JobKind.SELF_TEST, device=Device.CUDA)
    bench.ask("plain")
    bench.ask("either", device=Device.ANY)
    bench.ask("old", kind=JobKind.REGRADE, device=Device.CUDA)
    bench.ask("first", "second", device=Device.CUDA)
    assert bench.drain(devices) == taken


def test_workers_of_both_kinds_share_a_queue_and_nothing_is_done_twice(bench):
    bench.ask("a", "b", "c", device=Device.ANY)
    bench.ask("plain")
    bench.ask("cuda", device=Device.CUDA)
    turns = [WITHOUT_GPU, WITH_GPU] * 3
    claims = [bench.claim(f"w{number}", devices=devices) for number, devices in enumerate(turns)]
    assert [claim and claim.subject for claim in claims] == ["a", "cuda", "b", "c", "plain", None]


def test_what_waits_for_a_gpu_is_seen_and_counted(bench):
    bench.ask("a", device=Device.CUDA)
    bench.ask("b")
    with bench.writing() as tx:
        assert bench.queue.depth(tx).waiting_for_gpu == 1
        assert bench.queue.has_work(tx, kinds=[JobKind.GRADE], devices=WITH_GPU)
    bench.claim(devices=WITH_GPU)
    with bench.writing() as tx:
        assert bench.queue.depth(tx).waiting_for_gpu == 0
        assert not bench.queue.has_work(tx, kinds=[JobKind.GRADE], devices=WITH_GPU)


def test_who_waits_learns_whose_turn_comes_when(bench):
    def place_of(subject, kind=JobKind.GRADE):
        with bench.writing() as tx:
            return bench.queue.find_place(tx, kind=kind, subject=subject)

    bench.ask("old", kind=JobKind.REGRADE)
    bench.ask("a", "b")

    assert [place_of("a"), place_of("b"), place_of("old", JobKind.REGRADE)] == [1, 2, 3]
    assert place_of("nothing") is None
    bench.claim()
    assert (place_of("a"), place_of("b")) == (None, 1)
