"""What was done to a gradient besides computing it: added up over several backward passes, or cleared."""

import numpy as np

from grader.domain.text import Fact, Note
from grader.feedback.clues import Clues
from grader.feedback.pairs import Array, Pair

_MAX_TIMES = 1000


def explain_gradient(pair: Pair, clues: Clues) -> Note | None:
    """Name what the source bears out; None where a factor has another reason."""
    passes = clues.backward_lines
    clearing = clues.lines_of_calls("zero_", "zero_grad")
    if not passes:
        return None
    if not np.any(pair.actual):
        after = [line for line in clearing if line >= max(passes)]
        return Note(code="diagnose.zeroed", facts={"places": clues.places(*after)}) if after else None
    times = _times(pair.actual, pair.expected)
    if times is not None and (len(passes) == times or clues.has_backward_in_loop):
        places: dict[str, Fact] = {"places": clues.places(*passes)}
        if times == 2 and len(passes) > 1:
            return Note(code="diagnose.backward_twice", facts=places)
        code = "diagnose.accumulated_number" if pair.actual.size == 1 else "diagnose.accumulated"
        return Note(code=code, facts={"times": times, **places})
    times = _times(pair.expected, pair.actual)
    between = [line for line in clearing if min(passes) <= line <= max(passes)]
    if times is not None and between and (len(passes) == times or clues.has_backward_in_loop):
        return Note(code="diagnose.not_accumulated", facts={"times": times, "places": clues.places(*between)})
    return None


def _times(larger: Array, smaller: Array) -> int | None:
    """How many times the numbers of one are those of the other, where that is one whole number from 2 on."""
    scale = float(np.max(np.abs(smaller), initial=0.0))
    if not 0 < scale < np.inf:
        return None
    place = int(np.argmax(np.abs(smaller)))
    factor = complex(larger.flat[place] / smaller.flat[place])
    times = round(factor.real) if abs(factor.real) < _MAX_TIMES else 0
    if times < 2 or not np.allclose(larger, times * smaller, rtol=1e-5, atol=1e-6 * times * scale):
        return None
    return times
