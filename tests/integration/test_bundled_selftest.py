"""The hard gate for bundled assignments: no mistake goes unnoticed, no right answer loses a point."""

import pytest

from grader.catalog import bundled, parse, read_bundle
from grader.flow.prove import prove
from grader.flow.selftest import SelfTest

SECRET = b"secret"


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
    assert {"renamed", "respelled"} & set(report.tried)
    assert len(report.mutants) >= 20
