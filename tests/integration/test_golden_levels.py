"""Golden submissions as their students read them at each level: hints give no answer away, verdicts nothing at all."""

import json
import re
from dataclasses import replace

import pytest
from golden import load_golden

from grader.catalog import bundled, parse, read_bundle
from grader.domain.assignment import Visibility
from grader.domain.result import Verdict
from grader.domain.text import Language, Note
from grader.feedback.catalogue import sentence
from grader.flow.assess import assess
from grader.flow.prove import prove
from grader.flow.report import report_result
from grader.notebook.read import read

GOLDEN = [golden for golden in load_golden("torch-tensor") if golden.verdict in ("partial", "wrong", "raising")]
ANSWERS = re.compile(r"\$[A-Z]|\[\[|tensor\(|-1:1\]|(?<![\d.])-12\b")
"""A pattern, printed tensors, question 5's slice, the derivative: what the reference has and the prompts do not."""
NEUTRAL = ("check.", "written.", "review.")


@pytest.fixture(scope="module")
def results(sandbox_runner):
    loaded = parse(read_bundle(bundled()["torch-tensor"]))
    expected = prove(loaded, runner=sandbox_runner, secret=b"secret")
    graded = {}
    for golden in GOLDEN:
        notebook = read(golden.path.read_bytes())
        assessment = assess(
            notebook, assignment=loaded.assignment, expected=expected, runner=sandbox_runner, key=b"secret"
        )
        graded[str(golden)] = assessment.result
    return loaded.assignment, graded


def report(results, name, *, visibility, language):
    assignment, graded = results
    shown = replace(assignment, questions=tuple(replace(one, visibility=visibility) for one in assignment.questions))
    return report_result(graded[name], assignment=shown, notebook="hw.ipynb", language=language)


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("golden", GOLDEN, ids=str)
def test_no_level_shows_more_than_it_may(golden, language, results):
    hint = report(results, str(golden), visibility=Visibility.HINT, language=language)
    own = golden.path.read_text("utf-8")
    for question in hint["questions"]:
        for check in question["checks"]:
            found = [text for text in ANSWERS.findall(check["message"]) if text not in own]
            assert found == [], check["message"]

    strict = report(results, str(golden), visibility=Visibility.VERDICT, language=language)
    for question in strict["questions"]:
        for check in question["checks"]:
            if not check["code"].startswith(NEUTRAL):
                plain = Note(code=f"verdict.{Verdict(check['verdict']).value}")
                assert (check["code"], check["message"]) == (plain.code, sentence(plain, language))
    assert [question["score"] for question in strict["questions"]] == [q["score"] for q in hint["questions"]]


def test_the_level_full_gives_answers_away(results):
    told = [report(results, str(golden), visibility=Visibility.FULL, language=Language.EN) for golden in GOLDEN]

    assert ANSWERS.search(json.dumps(told))
