"""Each question's time, the time outside and all of it."""

from grader.domain.execution import Limits
from grader.domain.ids import QuestionId
from grader.sandbox.budget import Budgets

Q1, Q2 = QuestionId("q1"), QuestionId("q2")


class HandClock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def test_budgets_are_kept_apart():
    budgets = Budgets(Limits(question_s=10, outside_s=20, total_s=100), clock=HandClock())
    budgets.charge(Q1, 4)
    budgets.charge(None, 19)

    assert [budgets.left_s(one) for one in (Q1, Q2, None)] == [6, 10, 1]


def test_several_cells_share_one_budget_and_it_never_is_negative():
    budgets = Budgets(Limits(question_s=10), clock=HandClock())
    budgets.charge(Q1, 7)
    budgets.charge(Q1, 7)

    assert budgets.left_s(Q1) == 0


def test_total_time_bounds_every_budget_and_runs_by_the_clock():
    clock = HandClock()
    budgets = Budgets(Limits(question_s=30, total_s=50), clock=clock)

    clock.now += 45
    assert budgets.left_s(Q1) == 5
    clock.now += 45
    assert (budgets.left_s(Q1), budgets.total_left_s) == (0, 0)
