"""Remembering: what was asked lately is not worked out again, and nothing is kept for ever."""

import ast
import gc
import weakref
from threading import Thread

import pytest

from grader.domain.remember import remember_by_subject, remember_by_text

GIANT = 300_001


class Asked:
    """What was really worked out."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def length(self, text: str, *, twice: bool = False) -> int:
        self.texts.append(text)
        if "!" in text:
            raise ValueError(text)
        return len(text) * (1 + twice)


def test_a_text_is_worked_out_once() -> None:
    asked = Asked()
    length = remember_by_text(asked.length)
    assert [length("abc"), length("ab"), length("abc"), length("abc", twice=True)] == [3, 2, 3, 6]
    assert asked.texts == ["abc", "ab", "abc"]


def test_what_was_not_asked_for_longest_goes_first() -> None:
    asked = Asked()
    length = remember_by_text(asked.length)
    small, *others = "x", *(letter * 149_000 for letter in "ab")
    for text in (small, *others, small, "c" * 149_000):
        length(text)
    asked.texts.clear()
    for text in (small, others[1], others[0]):
        length(text)
    assert asked.texts == [others[0]]


def test_a_giant_is_not_kept() -> None:
    asked = Asked()
    length = remember_by_text(asked.length)
    for text in ("a", "b" * GIANT, "b" * GIANT, "a"):
        length(text)
    assert [text[0] for text in asked.texts] == ["a", "b", "b"]


def test_small_texts_are_not_kept_without_end() -> None:
    asked = Asked()
    length = remember_by_text(asked.length)
    for number in range(4000):
        length(str(number))
    assert len(asked.texts) == 4000
    length("3999")
    length("0")
    assert asked.texts[4000:] == ["0"]


def test_what_raises_is_not_kept() -> None:
    asked = Asked()
    length = remember_by_text(asked.length)
    for _ in range(2):
        with pytest.raises(ValueError, match="!"):
            length("!")
    assert asked.texts == ["!", "!"]


def test_several_threads_may_ask() -> None:
    length = remember_by_text(Asked().length)
    found: list[bool] = []

    def ask() -> None:
        found.extend(length("x" * size) == size for size in range(1200))

    threads = [Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [True] * 3600


def test_a_tree_is_walked_once_and_forgotten_with_its_end() -> None:
    walked = []

    @remember_by_subject
    def count_nodes(tree: ast.AST) -> int:
        walked.append(1)
        return len(list(ast.walk(tree)))

    one, same = ast.parse("x = 1"), ast.parse("x = 1")
    assert count_nodes(one) == count_nodes(one) == count_nodes(same)
    assert len(walked) == 2
    end = weakref.ref(one)
    del one
    gc.collect()
    assert end() is None
