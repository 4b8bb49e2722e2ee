"""YAML with positions: every oddity is a mistake with its line, and nothing else ever comes out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.catalog.mistakes import MistakeList
from grader.catalog.positions import MAX_DEPTH, MAX_FILE_BYTES, MAX_NODES, read_yaml


def read(text):
    """The file's plain content and its mistakes as (line, field, code)."""
    mistakes = MistakeList()
    data = text if isinstance(text, bytes) else text.encode()
    field = read_yaml(data, file="a.yaml", mistakes=mistakes)
    told = [(m.line, m.field, m.note.code.removeprefix("catalog.")) for m in mistakes.in_order]
    return (None if field is None else field.plain), told


def test_values_follow_the_core_schema_that_authors_expect():
    content, told = read(
        "whole: 20\nnegative: -4\nfloat: 1.\nsmall: 1e-5\nmore: 1.0e+3\nword: no\nanswer: yes\ntrue: true\nnothing:\n"
        "octal: 010\ndate: 2026-11-24\nclock: 1:30\nquoted: '20'\nunderscore: 1_000\ninfinity: .inf\n"
        "long: 123456789012345678901234567890\n"
    )
    assert told == []
    assert content == {
        "whole": 20,
        "negative": -4,
        "float": 1.0,
        "small": 1e-5,
        "more": 1000.0,
        "word": "no",
        "answer": "yes",
        "true": True,
        "nothing": None,
        "octal": 10,
        "date": "2026-11-24",
        "clock": "1:30",
        "quoted": "20",
        "underscore": "1_000",
        "infinity": float("inf"),
        "long": 123456789012345678901234567890.0,
    }
    assert type(content["whole"]) is int
    assert type(content["float"]) is float


def test_fields_know_their_path_and_the_line_of_their_key():
    mistakes = MistakeList()
    root = read_yaml(b"\xef\xbb\xbfa:\n  b:\n  - 1\n  -\n    c: 2\n", file="a.yaml", mistakes=mistakes)
    inner = root.entries["a"].entries["b"].items[1].entries["c"]
    assert (inner.place.file, inner.place.line, inner.place.field) == ("a.yaml", 5, "a.b[1].c")
    assert root.entries["a"].entries["b"].place.line == 2


def test_an_alias_stands_for_its_anchor_at_its_own_place():
    mistakes = MistakeList()
    root = read_yaml(b"a: &x {b: [1, 2]}\nc: *x\n", file="a.yaml", mistakes=mistakes)
    assert root.entries["c"].plain == {"b": [1, 2]}
    assert root.entries["c"].place.line == 2
    assert root.entries["c"].entries["b"].place.field == "c.b"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("a: 1\nb:\n  c: 2\n  c: 3\n", (4, "b.c", "field_twice"), id="a field twice"),
        pytest.param("a: 1\n'a': 3\n", (2, "a", "field_twice"), id="twice in another spelling"),
        pytest.param("a: 1\nb: *nobody\n", (2, "b", "alias_unknown"), id="an alias of nothing"),
        pytest.param("a: &a\n  b: *a\n", (2, "a.b", "alias_unknown"), id="an alias inside its anchor"),
        pytest.param("a: 1\n? [x]\n: 2\n", (2, "", "key_not_a_name"), id="a list as a key"),
        pytest.param("a:\n- !!python/name:os.system x\n", (2, "a[0]", "tag_not_allowed"), id="an object tag"),
        pytest.param("a: !!python/dict {b: 1}\n", (1, "a", "tag_not_allowed"), id="an object tag on a mapping"),
        pytest.param('a:\n  b: "\\ud800"\n', (2, "a.b", "not_a_character"), id="a lone surrogate"),
        pytest.param('a: "\\0"\n', (1, "a", "not_a_character"), id="NUL"),
    ],
)
def test_reading_goes_on_after_an_oddity(text, expected):
    content, told = read(text + "z: [1\n  ]\nz: 5\n")
    last = text.count("\n") + 3
    assert told == [expected, (last, "z", "field_twice")]
    assert content is not None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("", (1, "", "file_empty"), id="nothing"),
        pytest.param("# only a comment\n", (1, "", "file_empty"), id="only a comment"),
        pytest.param("---\n", (1, "", "file_empty"), id="an empty document"),
        pytest.param("- a\n- b\n", (1, "", "not_a_mapping"), id="a list at the top"),
        pytest.param("title\n", (1, "", "not_a_mapping"), id="a word at the top"),
        pytest.param("a: 1\nb: [1, 2\nc: 3\n", (3, "", "yaml_syntax"), id="a bracket left open"),
        pytest.param("a: 1\n\tb: 2\n", (2, "", "yaml_syntax"), id="a tab as indentation"),
        pytest.param("a: 1\nb: 2: 3\n", (2, "", "yaml_syntax"), id="two colons"),
        pytest.param("a: 1\nb: `x`\n", (2, "", "yaml_syntax"), id="a backtick without quotes"),
        pytest.param("a: 1\nb: \x07\n", (2, "", "yaml_syntax"), id="a control character"),
        pytest.param('a: 1\nb: "\\UFFFFFFFF"\n', (2, "", "yaml_syntax"), id="an escape past Unicode"),
        pytest.param("a: 1\n---\nb: 2\n", (2, "", "second_document"), id="two documents"),
        pytest.param("題: 1\nb: ".encode() + b"\x93\xfa\n", (2, "", "not_utf8"), id="Shift-JIS"),
        pytest.param("a: 1\n".encode("utf-16"), (1, "", "not_utf8"), id="UTF-16"),
        pytest.param(b"a: " + b"x" * MAX_FILE_BYTES, (1, "", "file_too_large"), id="too large"),
    ],
)
def test_a_file_that_cannot_be_read_says_where(text, expected):
    content, told = read(text)
    assert content is None
    assert [(line, code) for line, _, code in told] == [(expected[0], expected[2])]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        pytest.param(
            "a: &a [x,x,x,x,x,x,x,x,x,x]\n"
            + "".join(f"{b}: &{b} [{','.join([f'*{a}'] * 10)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)),
            "too_many_values",
            id="aliases of aliases",
        ),
        pytest.param("a: [" + "x," * MAX_NODES + "]\n", "too_many_values", id="a long list"),
        pytest.param("a: " + "[" * 100_000, "nested_too_deep", id="100,000 brackets"),
        pytest.param("- " * 100_000, "nested_too_deep", id="100,000 dashes"),
        pytest.param(
            "a0: &a0 {x: 1}\n" + "".join(f"a{i + 1}: &a{i + 1} {{x: *a{i}}}\n" for i in range(MAX_DEPTH)),
            "nested_too_deep",
            id="deep by aliases",
        ),
    ],
)
def test_a_bomb_is_refused_before_it_goes_off(text, code):
    content, told = read(text)
    assert content is None
    assert [found for _, _, found in told] == [code]


PIECES = [
    *("a", "b", "1", ".", "~", "題", "e9", "<<", "[", "]", "{", "}", ",", "'", '"', ":", "-", "?", "#", "|", ">"),
    *("&", "*", "&x", "*x", "!!str", "!t", "---", "...", "%YAML", "\\U", "\ufeff"),
    *(" ", "  ", ": ", "- ", "\n", "\n  ", "\n    ", "\t"),
]
yamlish = st.lists(st.sampled_from(PIECES), max_size=40).map("".join)


@given(st.one_of(yamlish.map(str.encode), st.binary(max_size=60), st.text(max_size=60).map(lambda t: t.encode())))
def test_any_bytes_give_a_tree_or_a_mistake(data):
    mistakes = MistakeList()
    field = read_yaml(data, file="a.yaml", mistakes=mistakes)
    assert field is not None or mistakes
    lines = data.count(b"\n") + data.count(b"\r") + 3
    for mistake in mistakes.in_order:
        assert 1 <= mistake.line <= lines + data.decode("utf-8", "replace").count("\u2028") + 60
