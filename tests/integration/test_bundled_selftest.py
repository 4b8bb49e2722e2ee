"""The hard gate for bundled assignments: no mistake goes unnoticed, no right answer loses a point."""

import pytest

from grader.authoring.variants import REORDERED, make_variants
from grader.catalog import bundled, parse, read_bundle
from grader.flow.prove import prove
from grader.flow.selftest import SelfTest, asked_names
from grader.notebook.locate import locate

SECRET = b"secret"
ALL_NAMED = {"numpy-bridge"}
"""Every variable of these is named by a check: there is none to rename."""


@pytest.mark.parametrize("slug", bundled())
def test_a_bundled_assignment_notices_every_mistake(slug, sandbox_runner):
    loaded = parse(read_bundle(bundled()[slug]))
    expected = prove(loaded, runner=sandbox_runner, secret=SECRET)

    report = SelfTest(
        loaded=loaded,
        files=loaded.bundle.files,
        expected=expected,
        runner=sandbox_runner,
        secret=SECRET,
        jobs=2,
    ).run()

    assert [(note.code, dict(note.facts)) for note in (*report.faults, *report.remarks)] == []
    assert [(mutant.mutant_id, mutant.question_id, mutant.diff) for mutant in report.survivors] == []
    assert [(mutant.mutant_id, mutant.question_id, mutant.spilled) for mutant in report.spilling] == []
    besides = {name for name in loaded.bundle.files if name.startswith(("equivalents/", "template."))}
    assert {REORDERED, *besides} <= set(report.tried)
    assert "renamed" in report.tried or slug in ALL_NAMED
    assert len(report.mutants) >= 20


@pytest.mark.parametrize("slug", bundled())
def test_some_answers_of_a_bundled_assignment_can_be_given_in_another_order(slug):
    loaded = parse(read_bundle(bundled()[slug]))
    location = locate(loaded.reference, loaded.wanted)
    asked = {question.question_id: asked_names(question) for question in loaded.assignment.questions}

    made = make_variants(loaded.reference, location=location, named=(), asked=asked, respelled=())

    (reordered,) = (variant.notebook for variant in made if variant.name == REORDERED)
    assert sorted(cell.source for cell in reordered.cells) == sorted(cell.source for cell in loaded.reference.cells)
    assert locate(reordered, loaded.wanted).answers.keys() == location.answers.keys()
    for question_id, answer in locate(reordered, loaded.wanted).answers.items():
        code = {reordered.cells[index].source for index in answer.code_cells}
        assert code == {loaded.reference.cells[index].source for index in location.answers[question_id].code_cells}
