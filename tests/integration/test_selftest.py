"""Specs test themselves on real kernels: each weakness is found by the mistake that shows it, and nothing else."""

import textwrap

import pytest
from documentation import notebook_of

from grader.catalog import Bundle, parse
from grader.domain.selftest import Fate
from grader.flow.prove import prove
from grader.flow.selftest import SelfTest

SECRET = b"secret"


def load(questions, code, *, head="", files=None):
    spec = f"title: T\n{head}questions:\n{textwrap.indent(textwrap.dedent(questions).strip(), '  ')}\n"
    own = {"assignment.yaml": spec.encode(), "reference.ipynb": notebook_of(textwrap.dedent(code))}
    return parse(Bundle(slug="small", files={**own, **(files or {})}))


def report_on(loaded, runner, **options):
    expected = prove(loaded, runner=runner, secret=SECRET)
    files = loaded.bundle.files
    return SelfTest(loaded=loaded, files=files, expected=expected, runner=runner, secret=SECRET, **options).run()


def changes(report, fate, question=None):
    return {
        (mutant.operator, mutant.facts["before"], mutant.facts["after"])
        for mutant in report.mutants
        if mutant.fate is fate and question in (None, mutant.question_id)
    }


WEAK = """\
# %%
import torch
# %% [markdown]
# ## 問題1
# %%
t = torch.tensor([1, 2, 3])
# %% [markdown]
# ## 問題2
# %%
u = t[0:3]
# %% [markdown]
# ## 問題3
# %%
def f(x):
    return x * 1.0 + 5
# %% [markdown]
# ## 問題4
# %%
a = torch.tensor(2.0)
y = a * 2
print(y)
"""


@pytest.fixture(scope="module")
def weak(sandbox_runner):
    loaded = load(
        """
        q1: {prompt: P, value: {name: t, ignore: [dtype]}, points: 4}
        q2: {prompt: P, value: u, points: 4}
        q3: {prompt: P, function: {name: f, inputs: [1., {uniform: [-3, 3], times: 4}]}, points: 4}
        q4: {prompt: P, value: y, points: 4}
        """,
        WEAK,
    )
    return report_on(loaded, sandbox_runner, limit=1000)


def test_a_dtype_that_is_not_looked_at_is_told(weak):
    survivors = changes(weak, Fate.SURVIVED, "q1")

    assert survivors
    assert {operator for operator, *_ in survivors} == {"dtype"}


def test_another_slice_of_the_same_elements_is_the_same_answer(weak):
    assert ("slice", "t[0:3]", "t[0:4]") in changes(weak, Fate.EQUIVALENT, "q2")
    assert ("slice", "t[0:3]", "t[0:2]") in changes(weak, Fate.KILLED, "q2")


def test_another_formula_for_the_same_function_is_the_same_answer(weak):
    assert ("term", "x * 1.0", "x") in changes(weak, Fate.EQUIVALENT, "q3")
    assert ("term", "x * 1.0 + 5", "x * 1.0") in changes(weak, Fate.KILLED, "q3")


def test_numbers_for_which_a_wrong_formula_is_right_are_told(weak):
    assert ("arithmetic", "a * 2", "a + 2") in changes(weak, Fate.SURVIVED, "q4")
    assert ("constant", "2", "3") in changes(weak, Fate.KILLED, "q4")


def test_a_mistake_in_one_question_costs_nothing_in_the_next(weak):
    killed = [mutant for mutant in weak.mutants if (mutant.question_id, mutant.fate) == ("q1", Fate.KILLED)]

    assert killed
    assert {mutant.spilled for mutant in killed} == {()}
    assert weak.spilling == ()


def test_a_mistake_that_is_noticed_only_in_the_next_question_survives(weak):
    """`u` has the wrong dtype because `t` has, and q1 does not look."""
    assert {mutant.spilled for mutant in weak.survivors if mutant.question_id == "q1"} == {("q2",)}


def test_right_answers_in_other_words_keep_their_points(weak):
    assert weak.faults == ()
    assert set(weak.tried) >= {"renamed", "respelled"}


def test_without_follow_through_a_mistake_costs_twice_and_that_is_told(sandbox_runner):
    loaded = load(
        """
        q1: {prompt: P, value: t, points: 4}
        q2: {prompt: P, value: u, points: 4, follow_through: false}
        """,
        """\
        # %% [markdown]
        # ## 問題1
        # %%
        t = 3
        # %% [markdown]
        # ## 問題2
        # %%
        u = t + 1
        """,
    )

    every = report_on(loaded, sandbox_runner, limit=8)
    usual = report_on(loaded, sandbox_runner)

    assert {mutant.spilled for mutant in every.mutants if mutant.question_id == "q1"} == {("q2",)}
    assert every.warns
    assert len(usual.spilling) == 2
    assert usual.warns


def test_equivalents_and_templates_beside_the_yaml_are_graded(sandbox_runner):
    right = "# %% [markdown]\n# ## 問題1\n# %%\nimport torch\nx = torch.ones(2) + 1\n"
    wrong = right.replace("+ 1", "+ 2")
    template = "# %% [markdown]\n# ## 問題1\n# %%\n# ここにコードを書いてください\n"
    files = {
        "equivalents/sum.ipynb": notebook_of(right),
        "equivalents/typo.ipynb": notebook_of(wrong),
        "template.ja.ipynb": notebook_of(template),
        "template.en.ipynb": notebook_of(right),
    }
    loaded = load("q1: {prompt: P, value: x, points: 4}", right, files=files)

    report = report_on(loaded, sandbox_runner, limit=1)

    told = [(note.code, note.facts.get("notebook")) for note in report.faults]
    assert told[0] == ("selftest.right_loses", "equivalents/typo.ipynb")
    assert told[1][0] == "value.values"
    assert told[2:] == [("selftest.empty_earns", "template.en.ipynb")]


def test_a_mutant_that_never_ends_costs_seconds_not_minutes(sandbox_runner):
    loaded = load(
        "q1: {prompt: P, value: n, points: 4}",
        """\
        # %% [markdown]
        # ## 問題1
        # %%
        n = 4
        while n > 1:
            n = n // 2
        """,
    )

    report = report_on(loaded, sandbox_runner, limit=1000)

    endless = ("arithmetic", "n // 2", "n / 2")
    assert endless in changes(report, Fate.KILLED) | changes(report, Fate.SURVIVED)
    assert ("constant", "2", "1") in changes(report, Fate.KILLED)


def test_side_by_side_gives_what_one_after_the_other_gives(sandbox_runner, weak):
    loaded = load("q1: {prompt: P, value: {name: t, ignore: [dtype]}, points: 4}", WEAK.partition("# ## 問題2")[0])

    together = report_on(loaded, sandbox_runner, limit=1000, jobs=4)

    own = [mutant for mutant in weak.mutants if mutant.question_id == "q1"]
    assert [(m.mutant_id, m.fate) for m in together.mutants] == [(m.mutant_id, m.fate) for m in own]
