"""Fields of a YAML file are changed and nothing else is: not a comment, not an anchor, not a way of writing."""

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.authoring.rewriting import NotRewritable, rewrite

FILE = """\
# The head.
title: {ja: 題, en: "T: x"}  # both languages
points: 30
rubrics:
  why: &why
  - points: 5   # five
    ja: 説明
    en: Explains
questions:
  q1:
    # what is asked
    prompt: |-
      One
      two

    value: t
    points: 20 # twenty
  q2: {prompt: Say why., written: *why}
"""


@pytest.mark.parametrize(
    ("path", "value", "gone", "come"),
    [
        pytest.param(("points",), 31, "points: 30", "points: 31", id="a number"),
        pytest.param(
            ("questions", "q1", "points"), 21, "points: 20 # twenty", "points: 21 # twenty", id="before a comment"
        ),
        pytest.param(("title", "en"), "a, b", 'en: "T: x"', "en: 'a, b'", id="within brackets"),
        pytest.param(
            ("questions", "q1", "prompt"),
            "Three",
            "    prompt: |-\n      One\n      two",
            "prompt: Three",
            id="a block",
        ),
        pytest.param(
            ("questions", "q1", "points"),
            "a\nb",
            "    points: 20 # twenty",
            "    # twenty\n    points: |-\n      a\n      b",
            id="a comment never becomes part of a block",
        ),
        pytest.param(("questions", "q1", "title"), "New", None, "    title: New\n    prompt", id="a new field"),
        pytest.param(("questions", "q2", "points"), 3, "q2: {", "q2: {points: 3, ", id="a new field within brackets"),
        pytest.param(("questions", "q2", "written"), "it", "*why", "written: it}", id="in the place of an alias"),
        pytest.param(("rubrics", "why"), [{"points": 1, "text": "x"}], None, None, id="not what an alias stands for"),
    ],
)
def test_a_field_is_changed_and_the_rest_stays(path, value, gone, come):
    if come is None:
        with pytest.raises(NotRewritable):
            rewrite(FILE, {path: value})
        return
    expected = yaml.safe_load(FILE)
    place = expected
    for part in path[:-1]:
        place = place[part]
    place[path[-1]] = value

    after = rewrite(FILE, {path: value})

    assert yaml.safe_load(after) == expected
    assert come in after
    assert gone is None or gone not in after or gone in come
    for comment in ("# The head.", "# both languages", "# five", "# what is asked", "# twenty"):
        assert comment in after


@pytest.mark.parametrize(
    ("text", "path"),
    [
        pytest.param("a: [", ("a",), id="no YAML"),
        pytest.param("a: 1", ("b", "c"), id="no such place"),
        pytest.param("a: [1, 2]", ("a", 0), id="an item, which has no name"),
        pytest.param("{}", ("a",), id="nothing that it could stand before"),
    ],
)
def test_what_cannot_be_done_is_left_to_a_person(text, path):
    with pytest.raises(NotRewritable):
        rewrite(text, {path: "x"})


words = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]) | st.just("\n"), min_size=1, max_size=40)
contents = words | st.integers(-99, 99) | st.fixed_dictionaries({"ja": words, "en": words})


@settings(max_examples=40)
@given(
    st.dictionaries(
        st.sampled_from([("title",), ("points",), ("questions", "q1", "prompt"), ("questions", "q2", "prompt")]),
        contents,
        min_size=1,
    )
)
def test_whatever_is_typed_is_read_again_as_it_was_typed(changes):
    try:
        after = yaml.safe_load(rewrite(FILE, changes))
    except NotRewritable:
        return  # never wrong, at worst left to a person
    for path, value in changes.items():
        found = after
        for part in path:
            found = found[part]
        assert found == value
