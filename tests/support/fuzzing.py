"""How hard the fuzzers try: the same few examples in every test run, many and new ones under `make soak`."""

import copy
import os
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

TIMES = int(os.environ.get("FUZZ_TIMES", "1"))
"""Set by `make soak`."""

Tree = Any
"""What JSON holds."""

ODD_LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([-1, 2**31, 2**63, 2**64, 10**400, 0.5, 1e308, float("nan"), float("inf")])
    | st.text(st.characters(), max_size=12)
    | st.sampled_from(["", "\ud800", "\0", "\r", "\x1b[31m", "../../etc/passwd", "</script>", "q" * 5_000])
)
ODD_TREES = st.recursive(
    ODD_LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=8,
)


def bounded(examples: int) -> Callable[[Any], Any]:
    """A fuzzer's settings: reproducible where everybody waits for it, and free where time is no matter."""
    return settings(
        max_examples=examples * TIMES,
        derandomize=TIMES == 1,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )


@st.composite
def mutated(draw: st.DrawFn, seeds: st.SearchStrategy[Tree], *, most: int = 4) -> Tree:
    """A tree of JSON like one of the seeds, with a few places replaced, removed, doubled or buried in lists."""
    holder = [copy.deepcopy(draw(seeds))]
    for _ in range(draw(st.integers(1, most))):
        places = _places(holder)
        owner, key = places[draw(st.integers(0, len(places) - 1))]
        match draw(st.sampled_from(["replace", "remove", "double", "bury", "move"])):
            case "remove" if owner is not holder:
                del owner[key]
            case "double" if isinstance(owner, list) and owner is not holder:
                owner.insert(key, copy.deepcopy(owner[key]))
            case "bury":
                for _ in range(draw(st.sampled_from([1, 20, 200]))):
                    owner[key] = [owner[key]]
            case "move":
                source, other = places[draw(st.integers(0, len(places) - 1))]
                if (isinstance(source, list) and other < len(source)) or (isinstance(source, dict) and other in source):
                    owner[key] = copy.deepcopy(source[other])
            case _:
                owner[key] = draw(ODD_TREES)
    return holder[0]


def _places(tree: Tree) -> list[tuple[Any, Any]]:
    """Every place of a tree as its owner and its key there; of deep ones the upper part."""
    places: list[tuple[Any, Any]] = []
    waiting = [tree]
    while waiting and len(places) < 5_000:
        owner = waiting.pop()
        for key, value in list(enumerate(owner) if isinstance(owner, list) else owner.items()):
            places.append((owner, key))
            if isinstance(value, list | dict) and value:
                waiting.append(value)
    return places
