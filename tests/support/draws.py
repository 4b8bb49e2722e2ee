"""Grades one notebook under many sets of hidden inputs in one run: what a key decides, without as many kernels."""

from dataclasses import replace

from grader.domain.result import Verdict
from grader.flow.case import Case, Judge
from grader.flow.expected import POOL_SIZE
from grader.flow.self_contained import AskedAlone, ask_alone
from grader.flow.sources import plain_sources
from grader.notebook.locate import locate


def lost_under(notebook, *, assignment, expected, runner, draws):
    """What does not pass under some of these draws: 'question/check' to the draws and what they say.

    A key does nothing but pick the set of hidden inputs that each check draws, so asking for all of these sets at once
    is as good as as many keys. Written answers, which wait for a person in any case, are left out.
    """
    sources = plain_sources(notebook)
    location = locate(notebook, expected.wanted)
    cases = [
        Case(
            notebook=notebook,
            assignment=assignment,
            location=location,
            sources=sources,
            expected=expected,
            draws={
                f"{question.question_id}/{check.check_id}": draw if check.logic.has_hidden_inputs else 0
                for question in assignment.questions
                for check in question.checks
            },
        )
        for draw in draws
    ]
    assert all(0 <= draw < POOL_SIZE for draw in draws)
    plan = [
        replace(cases[0].plan(question, probes=_probes(cases, question)), is_pool=True)
        for question in assignment.questions
    ]
    execution = runner.run(notebook, plan=plan, limits=assignment.limits, files=assignment.files)
    asked = [
        AskedAlone(
            question=question,
            code_cells=location.answers[question.question_id].code_cells,
            probes=_probes(cases, question, only_self_contained=True),
        )
        for question in assignment.questions
    ]
    alone = ask_alone(asked, assignment=assignment, sources=sources, runner=runner)
    lost = {}
    for draw, case in zip(draws, cases, strict=True):
        judge = Judge(case=case, execution=execution, alone=alone)
        for question in assignment.questions:
            findings = judge.findings(question)
            for check in question.checks:
                finding = findings[check.check_id]
                if check.kind != "written" and finding.verdict is not Verdict.PASSED:
                    path = f"{question.question_id}/{check.check_id}"
                    lost.setdefault(path, []).append((draw, finding.verdict.value, finding.code, dict(finding.facts)))
    return lost


def _probes(cases, question, *, only_self_contained=False):
    if not cases[0].answer(question.question_id).code_cells:
        return ()
    asked = {}
    for case in cases:
        for check in question.checks:
            if check.logic.is_self_contained or not only_self_contained:
                asked |= {probe.key: probe for probe in case.probes(question, check)}
    return tuple(asked.values())
