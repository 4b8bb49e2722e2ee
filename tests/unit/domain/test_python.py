import ast

import pytest

from grader.domain.python import MAX_PARSED_CHARACTERS, parse_python, parse_strictly


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


def test_the_strict_form_says_where_it_stops():
    with pytest.raises(SyntaxError) as caught:
        parse_strictly("x = 1\ny = = 2")

    assert caught.value.lineno == 2
