"""What counts before and after a regrade, by the same sums as everywhere: points of two decimals, no floats beside."""

from types import SimpleNamespace

import pytest

from grader.domain.overview import Sums
from grader.flow.before_after import compare
from grader.flow.standing import choose, earned_by


class Kept:
    """What stands of two submissions: points of the first wait for somebody to read its words."""

    def __init__(self, score, hoped, other):
        self.sums = {"first": Sums(score, score, hoped, 200), "second": Sums(other, other, 0, 200)}
        self._awaited = {"first": hoped, "second": 0}

    def list_of(self, submission_ids):
        return {each: self.sums[each] for each in submission_ids}

    def list_awaited(self, submission_ids):
        return {each: self._awaited[each] for each in submission_ids}


@pytest.mark.parametrize(
    ("score", "hoped", "other", "counts"),
    [
        pytest.param(72.15, 28.45, 100.6, "second", id="as much, and newer"),
        pytest.param(72.16, 28.45, 100.6, "first", id="more"),
        pytest.param(72.14, 28.45, 100.6, "second", id="less"),
    ],
)
def test_the_view_names_the_submission_that_counts(score, hoped, other, counts):
    kept = Kept(score, hoped, other)
    decisions = SimpleNamespace(list_decided=lambda submission_ids, kinds: frozenset())
    tx = SimpleNamespace(standings=kept, decisions=decisions)
    own = [
        SimpleNamespace(submission_id=name, number=number, is_late=False) for number, name in enumerate(kept.sums, 1)
    ]
    lines = [
        SimpleNamespace(
            submission_id=one.submission_id,
            number=one.number,
            before=kept.sums[one.submission_id],
            after=kept.sums[one.submission_id],
            is_applied=False,
            person_name="Ann",
            login="ann",
        )
        for one in own
    ]

    (change,) = compare(tx, SimpleNamespace(submission_id=None, applied_at=None), lines=lines, own_of={"ann": own})

    assert choose(own, earned=earned_by(tx, own)).submission_id == counts
    assert (change.submission_id, change.number_before) == (counts, change.number)
