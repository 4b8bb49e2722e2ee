import ast
import gc
import inspect
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from grader.domain.python import MAX_PARSED_CHARACTERS, parse_expression, parse_python, parse_strictly, walk


def test_python_has_a_tree():
    assert isinstance(parse_python("x = 1").body[0], ast.Assign)


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("x = = 1", id="syntax error"),
        pytest.param("x = '\0'", id="NUL"),
        pytest.param("x = '\ud800'", id="lone surrogate"),
        pytest.param("(" * 10_000 + ")" * 10_000, id="nesting bomb"),
        pytest.param("-" * 100_000 + "1", id="operator bomb"),
        pytest.param("#" * (MAX_PARSED_CHARACTERS + 1), id="longer than anybody's cell"),
    ],
)
def test_what_has_no_tree_is_none(source):
    assert parse_python(source) is None


def test_an_invalid_escape_is_no_warning_of_ours():
    assert parse_python(r"x = '\d'") is not None


@pytest.fixture
def restless_collector():
    """A collector that runs Python in the middle of parsing, so that threads change places there."""

    def busy(phase, info):
        sum(range(20))

    threshold, interval = gc.get_threshold(), sys.getswitchinterval()
    gc.set_threshold(50)
    gc.callbacks.append(busy)
    sys.setswitchinterval(1e-6)
    yield
    gc.callbacks.remove(busy)
    gc.set_threshold(*threshold)
    sys.setswitchinterval(interval)


@pytest.mark.parametrize("parse", [parse_strictly, parse_expression])
def test_threads_that_parse_at_the_same_time_do_not_disturb_each_other(parse, restless_collector):
    """Without its lock each of them raises SystemError in CPython 3.11 every now and then."""
    source = " + ".join(["f(" * 30 + "1" + ")" * 30] * 3)

    with ThreadPoolExecutor(max_workers=4) as pool:
        trees = list(pool.map(parse, [source] * 40))

    assert len({ast.dump(tree) for tree in trees}) == 1


def test_parsing_is_not_disturbed_by_others_who_parse_without_us(restless_collector):
    """Such as NumPy in another thread: with the library's own function nearly every tree here fails."""
    source = " + ".join(["f(" * 30 + "1" + ")" * 30] * 3)
    enough = threading.Event()

    def disturb():
        while not enough.is_set():
            with suppress(SystemError):
                ast.literal_eval("[" * 30 + "1" + "]" * 30)

    with ThreadPoolExecutor(max_workers=1) as pool:
        pool.submit(disturb)
        try:
            trees = [parse_strictly(source) for _ in range(100)]
        finally:
            enough.set()

    assert len({ast.dump(tree) for tree in trees}) == 1


def test_the_strict_form_says_where_it_stops():
    with pytest.raises(SyntaxError) as caught:
        parse_strictly("x = 1\ny = = 2")

    assert caught.value.lineno == 2


@pytest.mark.parametrize("module", [ast, inspect], ids=lambda module: module.__name__)
def test_all_nodes_come_in_the_order_of_the_library(module):
    tree = ast.parse(inspect.getsource(module))

    assert [id(node) for node in walk(tree)] == [id(node) for node in ast.walk(tree)]
