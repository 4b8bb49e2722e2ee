"""Real findings of wrong answers: what a student reads at the level hint holds no number of the reference's."""

import re
from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from grader.domain.assignment import Visibility
from grader.domain.result import Finding, Verdict
from grader.domain.text import Language, Note
from grader.domain.values import Value
from grader.feedback.catalogue import sentence
from grader.feedback.diagnose import diagnose
from grader.grading.checks import KINDS

SECRETS = (7919.5, -6421.25, 5807.75, 4603.5)
"""Of the reference; nothing else here has numbers with these digits."""
DIGITS = re.compile("|".join(str(abs(int(secret))) for secret in SECRETS))

REFERENCES: dict[str, tuple[str, object]] = {
    "value, tensor": ("x = torch.tensor([[7919.5, -6421.25], [5807.75, 4603.5]])", {"value": "x"}),
    "value, whole numbers": ("x = torch.tensor([7919, 6421, 5807, 4603])", {"value": "x"}),
    "value, number": ("x = 7919.5", {"value": "x"}),
    "value, text": ("x = 'w7919w'", {"value": "x"}),
    "value, list": ("x = [7919.5, (6421, 'w5807w'), [4603]]", {"value": "x"}),
    "value, dict": ("x = {'a': torch.tensor([7919.5]), 'b': 6421}", {"value": "x"}),
    "output, tensor": ("print(torch.tensor([7919.5, -6421.25, 5807.75, 4603.5]))", {"output": "reference"}),
    "output, number": ("print('answer', 7919.5 * 1)", {"output": "reference"}),
    "output, words": ("print('w7919w')\nprint('w6421w')", {"output": "reference"}),
    "output, several": ("print(7919.5 * 1)\nprint(torch.tensor([6421, 5807]))", {"output": {"order": "any"}}),
    "source, statement": ("x = f(7919.5, 6421)", {"source": "$X = f(7919.5, 6421)"}),
    "source, slice": ("x = t[5807:4603]", {"source": "$T[5807:4603]"}),
    "source, call": ("x = t.view(7919, 6421)", {"source": "$T.view(7919, 6421)"}),
    "source, constraint": ("x = t[7919]", {"source": {"pattern": "$T[$I]", "where": {"I": {"one_of": ["7919"]}}}}),
}
"""Code of a reference's question, and its check."""

SMALL = st.sampled_from(["0", "1.0", "2.5", "-3", "x0", "nan"])
VALUES = st.recursive(
    SMALL | st.sampled_from(["'text'", "None", "True", "torch.zeros(4)", "torch.ones(2, 2)", "t"]),
    lambda inner: st.one_of(
        st.builds("torch.tensor([{}, {}])".format, SMALL, SMALL),
        st.builds("[{}, {}]".format, inner, inner),
        st.builds("({}, {})".format, inner, inner),
        st.builds("dict(a={}, b={})".format, inner, inner),
    ),
    max_leaves=5,
)
ANSWERS = st.one_of(
    st.builds("x = {}".format, VALUES),
    st.builds("print({})".format, VALUES),
    st.builds("print({})\nprint({})".format, VALUES, VALUES),
    st.builds("x = t[{}:{}]".format, st.integers(0, 3), st.integers(1, 4)),
    st.builds("x = t.view({}, 2)".format, st.integers(1, 3)),
    st.builds("x = f({}, 3)".format, SMALL),
    st.just("pass"),
    st.just("x = = 1"),
    st.just("raise ValueError(1)"),
)
BEFORE = ("import torch\nx0, nan = 0.5, float('nan')\nt = torch.arange(8.0)\ndef f(*a): return a",)
BEFORE_REFERENCE = ("import torch\nt = torch.zeros(7919 * 6421, dtype=torch.bool)\ndef f(*a): return a",)


def logic_of(settings_of: dict[str, object]) -> Any:
    ((kind, given_settings),) = settings_of.items()
    model = KINDS[kind]
    return model.model_validate({"name": given_settings} if kind == "value" else given_settings)


def said(finding: Finding, *, source: str, visibility: Visibility) -> list[str]:
    """All that a student reads of a finding: the sentence, and the mistake that explains it."""
    notes = [Note(code=finding.code, facts=finding.facts), diagnose(finding, source=source, cells=[(2, source)])]
    return [
        sentence(note, language, visibility=visibility) for note in notes if note is not None for language in Language
    ]


@pytest.mark.parametrize("name", REFERENCES)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(answer=ANSWERS)
def test_no_number_of_the_reference_is_in_a_hint(name: str, answer: str, play: Callable[..., Any]) -> None:
    source, settings_of = REFERENCES[name]
    logic = logic_of(settings_of)
    expected = play([source], before=BEFORE_REFERENCE).asked(logic)
    actual = play([answer], before=BEFORE).asked(logic)

    finding = logic.evaluate(actual=actual, expected=expected)

    assert finding.verdict is not Verdict.PASSED
    for text in said(finding, source=answer, visibility=Visibility.HINT):
        assert not DIGITS.search(text), f"{finding.code}: {text}"


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("value, number", "x = 2.5"),
        ("value, tensor", "x = torch.ones(2, 2)"),
        ("output, words", "print('other')"),
        ("source, call", "x = t.view(4, 2)"),
        ("source, slice", "x = t[1:2]"),
        ("source, statement", "x = 1"),
    ],
)
def test_the_level_full_does_show_it(name: str, answer: str, play: Callable[..., Any]) -> None:
    source, settings_of = REFERENCES[name]
    logic = logic_of(settings_of)
    expected = play([source], before=BEFORE_REFERENCE).asked(logic)
    finding = logic.evaluate(actual=play([answer], before=BEFORE).asked(logic), expected=expected)

    assert any(DIGITS.search(text) for text in said(finding, source=answer, visibility=Visibility.FULL))


class TestHiddenInputs:
    """Of functions: neither what they are called with, nor what the reference gives there."""

    @pytest.mark.parametrize(
        "body",
        [
            "return x",
            "return x * 2 + 1",
            "return -x",
            "return None",
            "return float(x)",
            "return x.detach() ** 3",
            "return x.reshape(1)",
            "return x.long()",
            "raise ValueError(f'input was {float(x)}')",
            "return [x]",
            "return f'{float(x)}'",
            "return x / 0",
            "assert float(x) < 0, float(x)",
            "return {float(x): x}",
            "return type('W' + str(abs(int(x))), (), {})()",
        ],
    )
    @pytest.mark.parametrize("gradient", [True, False])
    def test_they_are_in_no_hint(
        self, body: str, gradient: bool, play: Callable[..., Any], wire: Callable[[object], Value]
    ) -> None:
        logic = KINDS["function"].model_validate({"name": "f", "inputs": list(SECRETS), "gradient": gradient})
        inputs: Sequence[tuple[Value, ...]] = tuple((wire(torch.tensor(secret)),) for secret in SECRETS)
        source = f"def f(x):\n    {body}"
        expected = play(["def f(x):\n    return x ** 2"]).asked(logic, inputs)
        actual = play([source]).asked(logic, inputs)

        finding = logic.evaluate(actual=actual, expected=expected)

        assert finding.verdict is not Verdict.PASSED
        for text in said(finding, source=source, visibility=Visibility.HINT):
            assert not DIGITS.search(text), f"{finding.code}: {text}"
