"""Puts questions and cells into the same order: the assignment with the most evidence in which none goes backwards."""

from collections.abc import Mapping, Sequence


def match_in_order(weights: Sequence[Mapping[int, int]], *, places: int) -> list[int | None]:
    """Choose a place for each question, None for questions without one.

    Args:
        weights: for each question, in order, the weight (above 0) of every place that may answer it.
        places: how many places there are.

    Places never decrease from one question to the next. Two questions at one place cost 1. Of several solutions with
    the same weight the later places win, because homework stands at the end of a notebook.
    """
    best = [[0] * (places + 1) for _ in range(len(weights) + 1)]
    for question in range(len(weights) - 1, -1, -1):
        row, below = best[question], best[question + 1]
        for place in range(places - 1, -1, -1):
            weight = weights[question].get(place, 0)
            taken = max(weight + below[place + 1], weight - 1 + below[place]) if weight else 0
            row[place] = max(row[place + 1], below[place], taken)
    return _trace(best, weights, places)


def _trace(best: Sequence[Sequence[int]], weights: Sequence[Mapping[int, int]], places: int) -> list[int | None]:
    chosen: list[int | None] = []
    place = 0
    for question, weight_at in enumerate(weights):
        row, below = best[question], best[question + 1]
        while place < places and row[place + 1] == row[place]:
            place += 1
        weight = weight_at.get(place, 0)
        if weight and row[place] == weight + below[place + 1]:
            chosen.append(place)
            place += 1
        elif weight and row[place] == weight - 1 + below[place]:
            chosen.append(place)
        else:
            chosen.append(None)
    return chosen
