"""What pure functions of a text, or of its tree, gave lately: each check asks again, and so does each mutant."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from functools import wraps
from threading import Lock
from typing import ParamSpec, TypeVar
from weakref import WeakKeyDictionary

_P = ParamSpec("_P")
_Subject = TypeVar("_Subject")
_Result = TypeVar("_Result")

_MOST_CHARACTERS = 300_000
"""A tree takes a hundred times the memory of its text or more: these are the texts of a hundred notebooks."""
_LEAST_CHARACTERS = 100
"""What any result counts as, for a tree of nothing takes memory, too."""


def remember_by_text(function: Callable[_P, _Result]) -> Callable[_P, _Result]:
    """Keep the results for the last texts or bytes, as many as come to `_MOST_CHARACTERS`; a giant's is not kept.

    Results are shared and must not be changed.

    Args:
        function: pure, and called with texts and with small things that are hashable.
    """
    known: OrderedDict[Hashable, tuple[_Result, int]] = OrderedDict()
    lock = Lock()
    characters = 0

    @wraps(function)
    def remembering(*args: _P.args, **kwargs: _P.kwargs) -> _Result:
        nonlocal characters
        key = (args, tuple(sorted(kwargs.items())))
        with lock:
            if key in known:
                known.move_to_end(key)
                return known[key][0]
        result = function(*args, **kwargs)
        size = max(_count_characters(key), _LEAST_CHARACTERS)
        with lock:
            if key not in known and size <= _MOST_CHARACTERS:
                known[key] = result, size
                characters += size
            while characters > _MOST_CHARACTERS:
                _, (_, size) = known.popitem(last=False)
                characters -= size
        return result

    return remembering


def _count_characters(key: object) -> int:
    if isinstance(key, tuple):
        return sum(map(_count_characters, key))
    return len(key) if isinstance(key, str | bytes) else 0


def remember_by_subject(function: Callable[[_Subject], _Result]) -> Callable[[_Subject], _Result]:
    """Keep the result for a syntax tree, or a part of one, as long as that lives.

    Args:
        function: pure; what it gives does not hold the subject itself, which would keep it for ever.
    """
    known: WeakKeyDictionary[_Subject, _Result] = WeakKeyDictionary()

    @wraps(function)
    def remembering(subject: _Subject) -> _Result:
        if subject not in known:
            known[subject] = function(subject)
        return known[subject]

    return remembering
