"""What only a queue in the database can promise: it lives and dies with the transaction."""

import pytest

from grader.domain.jobs import JobKind


def undo(school, action):
    """Do it in a transaction that fails afterwards."""

    def fail():
        with school.stores.storage.writing() as tx:
            action(tx)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()


def test_a_job_that_was_not_committed_was_never_asked_for(school):
    queue = school.stores.queue
    undo(school, lambda tx: queue.enqueue(tx, kind=JobKind.GRADE, subject="a"))
    with school.stores.storage.writing() as tx:
        subjects = []
        while claim := queue.claim(tx, worker="w", kinds=[JobKind.GRADE]):
            subjects.append(claim.subject)
    assert subjects == []


def test_a_finish_that_was_undone_leaves_the_job(school):
    queue = school.stores.queue
    with school.stores.storage.writing() as tx:
        queue.enqueue(tx, kind=JobKind.GRADE, subject="a")
        claim = queue.claim(tx, worker="w", kinds=[JobKind.GRADE])
    undo(school, lambda tx: queue.finish(tx, claim))
    with school.stores.storage.writing() as tx:
        queue.finish(tx, claim)


def test_a_transaction_without_a_database_is_a_mistake_of_ours(school):
    class Elsewhere:
        connection = object()

    with pytest.raises(TypeError, match="SQLAlchemy"):
        school.stores.queue.depth(Elsewhere())
