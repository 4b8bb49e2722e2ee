"""Whatever stands in an assignment's files, `parse` gives an assignment or its mistakes, never another exception."""

import copy
import json

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from grader.catalog import Bundle, bundled, parse, read_bundle
from grader.domain.text import Language
from grader.errors import InvalidAssignment
from grader.feedback.catalogue import known_codes

BUNDLE = read_bundle(bundled()["torch-tensor"])
TREE = yaml.safe_load(BUNDLE.files["assignment.yaml"])


def ways_into(tree, way=()):
    yield way
    items = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for part, below in items:
        yield from ways_into(below, (*way, part))


WAYS = list(ways_into(TREE))
WORDS = [
    "t",
    "f",
    "x",
    "reference",
    "why",
    "q1",
    "dtype",
    "$A",
    "$T.size()",
    "integer",
    "points",
    "",
    "a b",
    "{{",
    "def",
    "題",
]
scalars = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 200), st.floats(), st.sampled_from(WORDS), st.text(max_size=8)
)
KEYS = [
    "points",
    "partial",
    "name",
    "of",
    "at",
    "inputs",
    "uniform",
    "times",
    "where",
    "pattern",
    "rtol",
    "ja",
    "en",
    "written",
]
values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(KEYS), inner, max_size=3)),
    max_leaves=5,
)


def with_value(way, value):
    tree = copy.deepcopy(TREE)
    if not way:
        return value
    place = tree
    for part in way[:-1]:
        place = place[part]
    place[way[-1]] = value
    return tree


def said_of(data, *, reference=BUNDLE.files["reference.ipynb"]):
    """The mistakes in the files; () when they are fine."""
    try:
        parse(Bundle(slug="torch-tensor", files={"assignment.yaml": data, "reference.ipynb": reference}))
    except InvalidAssignment as error:
        return error.mistakes or ("no mistake is told",)
    return ()


def check(data):
    for mistake in said_of(data):
        assert 1 <= mistake.line <= data.count(b"\n") + 1
        assert mistake.note.code in known_codes(Language.JA)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(way=st.sampled_from(WAYS), value=values)
def test_any_value_in_any_place(way, value):
    check(json.dumps(with_value(way, value), indent=1).replace("NaN", ".nan").replace("Infinity", ".inf").encode())


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    line=st.integers(0, BUNDLE.files["assignment.yaml"].count(b"\n")),
    text=st.one_of(
        st.text(max_size=12), st.sampled_from(["- a", "  x: 1", "{", "'", "&a *a", "? ", "\t", "points: 1", "---"])
    ),
    replace=st.booleans(),
)
def test_any_line_in_any_place(line, text, replace):
    lines = BUNDLE.files["assignment.yaml"].decode().split("\n")
    lines[line : line + replace] = [text]
    said_of("\n".join(lines).encode("utf-8", "surrogatepass"))


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes(data):
    assert said_of(data)


@settings(max_examples=30, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_as_the_reference(data):
    assert said_of(BUNDLE.files["assignment.yaml"], reference=data)


@pytest.mark.parametrize("way", [way for way in WAYS if way], ids=lambda way: ".".join(map(str, way)))
def test_without_any_one_field(way):
    tree = copy.deepcopy(TREE)
    place = tree
    for part in way[:-1]:
        place = place[part]
    del place[way[-1]]
    check(json.dumps(tree, indent=1).encode())
