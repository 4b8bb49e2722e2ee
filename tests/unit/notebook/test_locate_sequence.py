"""Matching questions and cells in order, against trying everything."""

from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from grader.notebook.sequence import match_in_order

WEIGHTS = st.lists(st.dictionaries(st.integers(0, 4), st.integers(1, 6), max_size=5), max_size=4)


def value(weights, chosen):
    """What a solution is worth; None for one that goes backwards or takes a place without evidence."""
    total, last = 0, -1
    for weight_at, place in zip(weights, chosen, strict=True):
        if place is None:
            continue
        if place < last or place not in weight_at:
            return None
        total += weight_at[place] - (1 if place == last else 0)
        last = place
    return total


class TestMatchInOrder:
    @given(weights=WEIGHTS)
    def test_is_the_best_of_all_orders(self, weights):
        every = product(*([None, *weight_at] for weight_at in weights))
        best = max(total for chosen in every if (total := value(weights, chosen)) is not None)

        assert value(weights, match_in_order(weights, places=5)) == best

    def test_takes_the_last_of_equal_places(self):
        assert match_in_order([{0: 4, 3: 4}], places=5) == [3]

    def test_leaves_room_for_the_next_question(self):
        assert match_in_order([{0: 4, 3: 4}, {2: 4}], places=5) == [0, 2]

    def test_takes_places_of_their_own_where_there_are_some(self):
        assert match_in_order([{1: 4, 2: 4}, {2: 4}], places=3) == [1, 2]

    def test_shares_a_place_rather_than_leaving_a_question_out(self):
        assert match_in_order([{1: 4}, {1: 4}, {1: 4}], places=2) == [1, 1, 1]

    def test_leaves_out_what_goes_backwards(self):
        assert match_in_order([{4: 4}, {0: 2}, {4: 4}], places=5) == [4, None, 4]

    def test_nothing_to_choose_from(self):
        assert match_in_order([{}, {}], places=0) == [None, None]
