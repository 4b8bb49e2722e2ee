"""References prove their own assignments on real kernels: what holds is published, what would misjudge is refused."""

import textwrap

import pytest
from documentation import notebook_of

from grader.catalog import Bundle, bundled, parse, read_bundle
from grader.domain.ids import CheckId, QuestionId
from grader.domain.text import Language, Text
from grader.domain.values import ArrayValue, CallsReply
from grader.errors import SpecDoesNotHold
from grader.feedback.catalogue import sentence
from grader.flow.assess import assess
from grader.flow.expected import POOL_SIZE, decode_expected, encode_expected
from grader.flow.prompts import render_prompt
from grader.flow.prove import prove
from grader.sandbox import wire

SECRET = b"secret"


def load(questions, code, *, head=""):
    spec = f"title: T\n{head}questions:\n{textwrap.indent(textwrap.dedent(questions).strip(), '  ')}\n"
    files = {"assignment.yaml": spec.encode(), "reference.ipynb": notebook_of(textwrap.dedent(code))}
    return parse(Bundle(slug="small", files=files))


def findings(loaded, runner):
    with pytest.raises(SpecDoesNotHold) as caught:
        prove(loaded, runner=runner, secret=SECRET)
    for note in caught.value.findings:
        assert all(sentence(note, language) for language in Language)
    assert caught.value.facts == {"assignment": loaded.assignment.slug}
    return [(note.code, dict(note.facts)) for note in caught.value.findings]


@pytest.fixture(scope="module")
def homework_8():
    return parse(read_bundle(bundled()["torch-tensor"]))


@pytest.fixture(scope="module")
def proved(homework_8, sandbox_runner):
    return prove(homework_8, runner=sandbox_runner, secret=SECRET)


class TestHomework8:
    def test_it_holds_in_this_environment(self, proved, homework_8, sandbox_runner):
        assert proved.version == homework_8.assignment.version
        assert proved.environment == sandbox_runner.environment

    def test_its_values_are_taken(self, proved):
        value = proved.evidence(QuestionId("q1"), CheckId("value"), draw=0).replies["names"].values["t"]

        assert isinstance(value, ArrayValue)
        assert (value.dtype, value.device) == ("int64", "cpu")

    def test_every_draw_has_its_own_expected_calls(self, proved):
        path = "q6/function"
        pool = proved.pools[path]
        replies = [
            proved.evidence(QuestionId("q6"), CheckId("function"), draw=draw).replies for draw in range(POOL_SIZE)
        ]

        assert len(pool) == POOL_SIZE
        assert len(set(pool)) == POOL_SIZE
        for inputs, (reply,) in zip(pool, (each.values() for each in replies), strict=True):
            assert isinstance(reply, CallsReply)
            assert len(reply.calls) >= len(inputs)
            assert not any(call.error for call in reply.calls)

    def test_another_secret_draws_other_inputs(self, homework_8, proved, sandbox_runner):
        other = prove(homework_8, runner=sandbox_runner, secret=b"another")

        assert other.pools["q6/function"] != proved.pools["q6/function"]
        assert other.prompt_outputs == proved.prompt_outputs

    def test_its_prompt_shows_what_students_will_see(self, proved, homework_8):
        printed = proved.prompt_outputs[QuestionId("q1")]["print(t)"]

        shown = render_prompt(homework_8.assignment.questions[0].prompt, proved.prompt_outputs[QuestionId("q1")])

        assert printed.startswith("tensor([[[")
        assert printed.endswith("]]])")
        assert f"```\n{printed}\n```" in shown.ja
        assert "{{" not in shown.ja + shown.en

    def test_what_is_kept_grades_like_what_was_proved(self, proved, homework_8, sandbox_runner):
        kept = decode_expected(encode_expected(proved, wire), wire)

        result = assess(
            homework_8.reference, assignment=homework_8.assignment, expected=kept, runner=sandbox_runner, key=SECRET
        ).result

        assert kept == proved
        assert (result.score, result.pending) == (75, 25)


PLAIN = "q1: {prompt: P, value: x, points: 4}"


@pytest.mark.parametrize(
    "made",
    [
        pytest.param("import torch\nx = torch.rand(50)", id="torch"),
        pytest.param("import numpy as np\nx = np.random.rand(50)", id="numpy"),
        pytest.param("import random\nx = [random.random() for _ in range(50)]", id="random"),
        pytest.param("import time\nx = time.time_ns() % 1_000_000_007", id="the clock"),
    ],
)
def test_values_that_change_from_run_to_run_are_refused(sandbox_runner, made):
    loaded = load(PLAIN, f"# %% [markdown]\n# ## 問題1\n# %%\n{made}\n")

    assert findings(loaded, sandbox_runner) == [("publish.not_deterministic", {"question": "q1", "check": "value"})]


def test_values_that_wander_without_being_numbers_lose_against_themselves(sandbox_runner):
    loaded = load(PLAIN, "# %% [markdown]\n# ## 問題1\n# %%\nimport uuid\nx = str(uuid.uuid4())\n")

    (lost, _) = findings(loaded, sandbox_runner)

    assert lost == ("publish.reference_loses", {"question": "q1", "check": "value"})


def test_a_pattern_that_matches_nothing_in_the_reference_is_refused_by_name(sandbox_runner):
    loaded = load(
        "q1: {prompt: P, source: 'torch.zeros($X)', points: 4}",
        "# %% [markdown]\n# ## 問題1\n# %%\nimport torch\nx = torch.ones(3)\n",
    )

    facts = {"question": "q1", "check": "source", "pattern": "torch.zeros($X)"}
    assert findings(loaded, sandbox_runner) == [("publish.pattern_matches_nothing", facts)]


def test_values_from_a_fixed_seed_hold(sandbox_runner):
    loaded = load(PLAIN, "# %% [markdown]\n# ## 問題1\n# %%\nimport torch\ntorch.manual_seed(0)\nx = torch.rand(3)\n")

    prove(loaded, runner=sandbox_runner, secret=SECRET)


def test_a_reference_that_fails_its_own_check_is_refused(sandbox_runner):
    loaded = load(
        """
        q1: {prompt: P, value: {name: x, requires_grad: true}, points: 4}
        q2: {prompt: P, value: y, points: 4}
        q3: {prompt: P, value: z, points: 4}
        """,
        """\
        # %% [markdown]
        # ## 問題1
        # %%
        import torch
        x = torch.zeros(2)
        # %% [markdown]
        # ## 問題2
        # %%
        y = 1
        # %% [markdown]
        # ## 問題3
        # %%
        w = 1
        """,
    )

    found = findings(loaded, sandbox_runner)

    assert [facts["question"] for code, facts in found if code == "publish.reference_loses"] == ["q1", "q3"]
    assert found[1][0] == "value.requires_grad"


class TestReferencesThatDoNotRun:
    """Each cell is named as the author's file numbers it, whatever cells of ours stand between."""

    def refused(self, runner, code, *, head=""):
        loaded = load('q1: {prompt: "{{x}} {{x}}", value: x, points: 4}', code, head=head)
        return findings(loaded, runner)

    def test_one_that_raises_is_named_with_cell_line_and_error(self, sandbox_runner):
        code = "# %% [markdown]\n# ## 問題1\n# %%\nx = 1\n# %% [markdown]\n# End.\n# %%\ny = 2\n1 / 0\n"

        assert self.refused(sandbox_runner, code) == [
            (
                "publish.reference_raises",
                {"cell": 4, "line": 2, "error": "ZeroDivisionError", "message": "division by zero"},
            )
        ]

    def test_every_cell_that_raises_is_told(self, sandbox_runner):
        code = "# %%\nmissing\n# %% [markdown]\n# ## 問題1\n# %%\nx = 1\n# %%\n1 / 0\n"

        assert [facts["cell"] for _, facts in self.refused(sandbox_runner, code)] == [1, 4]

    def test_one_that_does_not_end_is_named(self, sandbox_runner):
        code = "# %% [markdown]\n# ## 問題1\n# %%\nx = 1\nwhile True: pass\n"

        found = self.refused(sandbox_runner, code, head="limits: {question_s: 1}\n")

        assert found == [("publish.reference_timed_out", {"cell": 2})]

    def test_one_that_ends_its_kernel_is_named(self, sandbox_runner):
        code = "# %% [markdown]\n# ## 問題1\n# %%\nimport os\nos._exit(3)\n"

        assert ("publish.reference_died", {"cell": 2}) in self.refused(sandbox_runner, code)


PRECISE = """\
# %% [markdown]
# ## 問題1
# %%
import torch
torch.manual_seed(0)
w = torch.randn(200)
x = (1 + w * 1e-4 - 1) / w
"""
"""Float32 leaves about three digits of it."""


class TestNoise:
    def test_a_tolerance_below_the_noise_of_float32_is_refused_with_the_numbers(self, sandbox_runner):
        ((code, facts),) = findings(load(PLAIN, PRECISE), sandbox_runner)

        assert code == "publish.tolerance_below_noise"
        assert (facts["question"], facts["check"], facts["cause"]) == ("q1", "value", "float64")
        assert facts["gap"] > 1

    def test_a_tolerance_above_it_holds_and_the_noise_is_kept(self, sandbox_runner):
        loaded = load("q1: {prompt: P, value: {name: x, rtol: 0.5, atol: 0.001}, points: 4}", PRECISE)

        expected = decode_expected(encode_expected(prove(loaded, runner=sandbox_runner, secret=SECRET), wire), wire)

        evidence = expected.evidence(QuestionId("q1"), CheckId("value"), draw=0)
        assert evidence.overshoot is not None
        assert 0 < evidence.overshoot < 1

    def test_random_numbers_of_one_seed_are_no_noise(self, sandbox_runner):
        """The same seed draws other numbers in float64."""
        loaded = load(
            PLAIN,
            """\
            # %% [markdown]
            # ## 問題1
            # %%
            import torch
            torch.manual_seed(0)
            x = torch.cat([torch.nn.Linear(3, 2).weight.detach().flatten(), torch.randn(40), torch.rand(2)])
            """,
        )

        expected = prove(loaded, runner=sandbox_runner, secret=SECRET)

        assert expected.overshoots["q1/value"] < 1

    def test_a_float64_that_the_reference_cannot_bear_says_nothing(self, sandbox_runner):
        loaded = load(
            PLAIN,
            """\
            # %% [markdown]
            # ## 問題1
            # %%
            import torch
            x = torch.tensor([1.0, 2.0])
            if x.dtype is torch.float64:
                raise TypeError
            """,
        )

        assert prove(loaded, runner=sandbox_runner, secret=SECRET).overshoots["q1/value"] == 0

    def test_training_from_any_start_holds_with_a_measured_tolerance(self, sandbox_runner):
        training = """\
            # %% [markdown]
            # ## 問題1
            # %%
            import torch
            x = torch.where(torch.rand(1) < 0.5, 1.0, 2.0).requires_grad_()
            for _ in range(40):
                (g,) = torch.autograd.grad((x - 3) ** 2, x)
                x = (x - 0.1 * g).detach().requires_grad_()
            x = x.detach()
            """

        kept = prove(
            load("q1: {prompt: P, value: {name: x, tolerance: measured}, points: 4}", training),
            runner=sandbox_runner,
            secret=SECRET,
        )
        ((code, facts),) = findings(load(PLAIN, training), sandbox_runner)

        assert kept.overshoots["q1/value"] > 0
        assert (code, facts["cause"]) == ("publish.tolerance_below_noise", "other_seeds")


def test_checks_that_an_empty_notebook_passes_are_refused(sandbox_runner):
    loaded = load(
        """
        q1: {prompt: P, value: x, points: 4}
        q2: {prompt: P, source: {pattern: "torch.zeros($$$)", absent: true}, points: 2}
        q3: {prompt: P, value: __name__, points: 1.5}
        """,
        """\
        # %% [markdown]
        # ## 問題1
        # %%
        x = 1
        # %% [markdown]
        # ## 問題2
        # %%
        y = 1
        # %% [markdown]
        # ## 問題3
        # %%
        z = 1
        """,
    )

    assert findings(loaded, sandbox_runner) == [
        ("publish.empty_earns", {"question": "q2", "score": 2}),
        ("publish.empty_earns", {"question": "q3", "score": 1.5}),
    ]


def test_a_forbidden_form_beside_an_answer_that_is_asked_for_holds(sandbox_runner):
    loaded = load(
        'q1: {prompt: P, value: x, source: {pattern: "torch.zeros($$$)", absent: true}, points: 4}',
        "# %% [markdown]\n# ## 問題1\n# %%\nx = 1\n",
    )

    prove(loaded, runner=sandbox_runner, secret=SECRET)


def test_a_prompt_that_raises_is_refused_with_its_question_and_expression(sandbox_runner):
    loaded = load(
        """
        q1: {prompt: "{{print(x)}} {{x[3]}} {{missing}}", value: x, points: 4}
        q2: {prompt: {ja: "{{y}}", en: "{{1 / 0}}"}, value: y, points: 4}
        """,
        """\
        # %% [markdown]
        # ## 問題1
        # %%
        x = [1, 2]
        # %% [markdown]
        # ## 問題2
        # %%
        y = 2
        """,
    )

    assert findings(loaded, sandbox_runner) == [
        ("publish.prompt_fails", {"question": "q1", "expression": "x[3]", "error": "IndexError"}),
        ("publish.prompt_fails", {"question": "q1", "expression": "missing", "error": "NameError"}),
        ("publish.prompt_fails", {"question": "q2", "expression": "1 / 0", "error": "ZeroDivisionError"}),
    ]


def test_a_written_question_without_code_is_accepted(sandbox_runner):
    loaded = load(
        """
        q1: {prompt: P, value: x, points: 4}
        q2: {prompt: "Why is it {{x}}?", written: [{points: 3, text: R}]}
        """,
        """\
        # %% [markdown]
        # ## 問題1
        # %%
        x = 1
        # %% [markdown]
        # ## 問題2
        # %% [markdown]
        # Because I said so.
        """,
    )

    expected = prove(loaded, runner=sandbox_runner, secret=SECRET)
    result = assess(
        loaded.reference, assignment=loaded.assignment, expected=expected, runner=sandbox_runner, key=SECRET
    ).result

    assert expected.prompt_outputs == {"q2": {"x": "1"}}
    assert (result.score, result.pending, result.points) == (4, 3, 7)


def test_prompts_show_each_question_at_its_own_end(sandbox_runner):
    loaded = load(
        """
        q1: {prompt: {ja: "{{print(x)}}", en: "{{x}} {{ print(x) }}"}, value: x, points: 4}
        q2: {prompt: "{{x}} {{print('a', end='')}} {{None}} {{x.clear()}}", value: x, points: 4}
        q3: {prompt: "{{import sys; print('told', file=sys.stderr); x}}", value: x, points: 4}
        """,
        """\
        # %% [markdown]
        # ## 問題1
        # %%
        x = [1]
        # %% [markdown]
        # ## 問題2
        # %%
        x = ["日本\\n語"]
        # %%
        x = x + [None]
        # %% [markdown]
        # ## 問題3
        # %%
        x = [3]
        # %%
        x += [4]
        """,
    )

    expected = prove(loaded, runner=sandbox_runner, secret=SECRET)

    assert expected.prompt_outputs == {
        "q1": {"print(x)": "[1]", "x": "[1]"},
        "q2": {"x": "['日本\\n語', None]", "print('a', end='')": "a", "None": "", "x.clear()": ""},
        "q3": {"import sys; print('told', file=sys.stderr); x": "[3, 4]"},
    }


def test_prompt_cells_are_no_part_of_the_answer(sandbox_runner):
    """What a prompt prints must not become what a student's output is compared with."""
    loaded = load(
        'q1: {prompt: "{{print(x)}}", output: reference, points: 4}',
        "# %% [markdown]\n# ## 問題1\n# %%\nx = 5\nprint(x * 2)\n",
    )

    expected = prove(loaded, runner=sandbox_runner, secret=SECRET)

    evidence = expected.questions[QuestionId("q1")]
    assert [output.text for output in evidence.outputs] == ["10\n"]
    assert evidence.source == "x = 5\nprint(x * 2)"
    assert render_prompt(Text(ja="", en="{{print(x)}}"), expected.prompt_outputs[QuestionId("q1")]).en.count("5") == 1
