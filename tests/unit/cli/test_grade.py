"""`grader grade`: what it prints, in which order, and which exit status says who can act."""

import json
import re
import unicodedata

import pytest

from grader.domain.text import Language, Note
from grader.errors import SandboxFailed, SandboxUnavailable
from grader.feedback.catalogue import sentence

KEYS = ["notebook", "assignment", "version", "outcome", "score", "decided", "pending", "points", "refused"]
KEYS += ["questions", "notes"]


def lines(said):
    return [json.loads(line) for line in said.out.splitlines()]


def test_json_is_one_object_a_line_with_the_keys_of_the_contract(grader, runner, folder, notebook):
    said = grader("grade", notebook("a.ipynb", x=3, y=4), "--assignment", folder, "--json")

    (report,) = lines(said)
    assert (said.status, said.err) == (0, "")
    assert list(report) == KEYS
    assert list(report["questions"][1]) == ["id", "score", "decided", "pending", "points", "checks", "notes"]
    assert [list(check) for check in report["questions"][1]["checks"]] == [
        ["id", "kind", "verdict", "score", "points", "code", "message"]
    ] * 2
    assert report["assignment"] == "tiny"
    assert re.fullmatch("[0-9a-f]{64}", report["version"])
    assert (report["score"], report["decided"], report["pending"], report["points"]) == (15, 15, 5, 20)
    assert (report["outcome"], report["refused"]) == ("completed", None)


def test_a_refused_file_in_the_middle_keeps_its_place_and_gives_3(grader, runner, folder, notebook, tmp_path):
    broken = tmp_path / "b.ipynb"
    broken.write_bytes(b"%PDF-1.7")
    paths = [notebook("a.ipynb", x=3, y=4), broken, notebook("c.ipynb", x=1, y=4)]

    said = grader("grade", *paths, "--assignment", folder, "--json", "--lang", "en")

    reports = lines(said)
    assert said.status == 3
    assert [report["notebook"] for report in reports] == [str(path) for path in paths]
    assert [report["score"] for report in reports] == [15, None, 5]
    refused = reports[1]
    assert list(refused) == KEYS
    assert list(refused["refused"]) == ["code", "message"]
    assert (refused["refused"]["code"], refused["questions"], refused["points"]) == ("pdf_file", [], 20)


def test_a_failure_of_ours_gives_4_and_the_others_are_still_graded(grader, runner, folder, notebook, tmp_path):
    broken = tmp_path / "broken.ipynb"
    broken.write_bytes(b"")
    assert grader("assignment", "check", folder).status == 0
    runs_of_a_proof = len(runner.plans)
    runner.trouble = [*(runs_of_a_proof * [None]), SandboxFailed(what="no answer"), None]
    paths = [notebook("a.ipynb", x=3, y=4), notebook("c.ipynb", x=1, y=4), broken]

    said = grader("grade", *paths, "--assignment", folder, "--json")

    assert said.status == 4
    reports = lines(said)
    assert [report["notebook"] for report in reports] == [str(path) for path in paths]
    assert [list(report) for report in reports] == [KEYS] * 3
    assert [report["outcome"] for report in reports] == ["sandbox_failed", "completed", None]
    # Our failure is never a zero.
    assert (reports[0]["score"], reports[0]["decided"], reports[0]["pending"]) == (None, 0, 20)
    assert reports[1]["score"] == 5
    assert "no answer" in said.err


def test_a_file_that_cannot_be_read_is_told_before_anything_runs(grader, runner, folder, notebook):
    said = grader("grade", notebook("a.ipynb", x=3), "missing.ipynb", "other.ipynb", "--assignment", folder, "--json")

    assert (said.status, said.out, runner.runs) == (2, "", 0)
    assert "missing.ipynb" in said.err
    assert "other.ipynb" in said.err
    assert "a.ipynb" not in said.err.replace("missing.ipynb", "")


def test_without_a_sandbox_nothing_is_graded_and_one_sentence_says_why(grader, runner, folder, notebook):
    error = SandboxUnavailable(what="bubblewrap is not installed")
    runner.trouble = [error]

    said = grader("grade", notebook("a.ipynb", x=3), "--assignment", folder)

    assert (said.status, said.out) == (4, "")
    assert said.err == sentence(error.note, Language.EN) + "\n"


def test_a_spec_that_does_not_hold_gives_5_and_every_reason(grader, runner, folder, notebook):
    (folder / "reference.ipynb").write_bytes(notebook("ref.ipynb", z=3, y=4).read_bytes())

    said = grader("grade", notebook("a.ipynb", x=3), "--assignment", folder)

    assert (said.status, said.out) == (5, "")
    _, lost, why = said.err.splitlines()
    assert "q1" in lost
    assert "`x`" in why


@pytest.mark.parametrize(
    "arguments",
    [
        ["grade"],
        ["grade", "a.ipynb"],
        ["grade", "--assignment", "torch-tensor"],
        ["grade", "a.ipynb", "--assignment", "no-such-assignment"],
        ["grade", "missing.ipynb", "--assignment", "{folder}"],
        ["grade", "{folder}", "--assignment", "{folder}"],
        ["grade", "a.ipynb", "--assignment", "{folder}", "--lang", "fr"],
        ["grade", "a.ipynb", "--assignment", "{folder}", "--frobnicate"],
        ["frobnicate"],
    ],
    ids=["nothing", "no assignment", "no notebook", "unknown", "no file", "a folder", "language", "option", "command"],
)
def test_wrong_usage_gives_2_and_no_traceback(grader, runner, folder, arguments):
    said = grader(*(argument.replace("{folder}", str(folder)) for argument in arguments))

    assert (said.status, said.out) == (2, "")
    assert said.err
    assert "Traceback" not in said.err


@pytest.mark.parametrize("language", Language)
def test_the_language_is_chosen_by_option(grader, runner, folder, notebook, language):
    said = grader("grade", notebook("a.ipynb", x=1), "-a", folder, "--json", "--lang", language.value)

    messages = [check["message"] for question in lines(said)[0]["questions"] for check in question["checks"]]
    told = (Note(code="check.not_found", facts={"number": 2}), Note(code="check.as_above"))
    assert messages[1:] == [sentence(note, language) for note in told]


@pytest.mark.parametrize(
    ("variable", "locale", "language"),
    [
        ("LANG", "ja_JP.UTF-8", Language.JA),
        ("LC_ALL", "ja", Language.JA),
        ("LANG", "de_DE.UTF-8", Language.EN),
        ("LANG", "", Language.EN),
    ],
)
def test_else_by_the_locale(grader, monkeypatch, notebook, variable, locale, language):
    monkeypatch.setenv(variable, locale)

    said = grader("grade", notebook("a.ipynb", x=1), "--assignment", "nowhere")

    note = Note(code="error.not_found", facts={"what": "assignment", "name": "nowhere"})
    assert said.err == sentence(note, language) + "\n"


@pytest.mark.parametrize("language", Language)
def test_errors_are_told_in_the_chosen_language_too(grader, runner, folder, notebook, language):
    (folder / "assignment.yaml").write_text("title: T\nquestions: {}\n")

    said = grader("grade", notebook("a.ipynb", x=1), "--assignment", folder, "--lang", language.value)

    assert said.status == 5
    assert said.err.isascii() == (language is Language.EN)


def width_of(line):
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in line)


@pytest.mark.parametrize("language", Language)
def test_the_table_is_readable_at_60_columns(grader, runner, folder, notebook, monkeypatch, language):
    monkeypatch.setenv("COLUMNS", "60")
    first, second = notebook("a.ipynb", x=3, y=4), notebook("b.ipynb", x=1)

    said = grader("grade", first, second, "--assignment", folder, "--lang", language.value)

    shown = said.out.splitlines()
    assert said.status == 0
    assert all(width_of(line) <= 60 for line in shown), shown
    assert "".join(shown).count("q1") == 2
    rows = [line.split() for line in shown if re.search(r"\bq[12]\b", line)]
    assert [row[:3] for row in rows] == [
        ["✓", "q1", "10/10"],
        ["✓", "q2", "5/5"],
        ["✗", "q1", "0/10"],
        ["…", "q2", "0/0"],
    ]
    assert "+5…" in said.out
    assert "+10…" in said.out
    # No word is lost to the width: the sentence of each check can be put together again.
    waits = sentence(Note(code="check.not_found", facts={"number": 2}), language)
    assert re.sub(r"\s", "", waits) in re.sub(r"\s", "", said.out)


def test_a_refused_file_is_one_sentence_in_the_table(grader, runner, folder, tmp_path):
    (tmp_path / "b.ipynb").write_bytes(b"")

    said = grader("grade", tmp_path / "b.ipynb", "--assignment", folder, "--lang", "en")

    assert said.status == 3
    assert "✗" in said.out
    assert "q1" not in said.out


def test_file_names_in_any_encoding_are_printed(grader, runner, folder, tmp_path, notebook):
    """Names from a zip made on a Japanese Windows are often not UTF-8."""
    path = tmp_path / "\udc89\udcdb\udc91\udce8.ipynb"
    path.write_bytes(notebook("a.ipynb", x=3, y=4).read_bytes())

    for arguments in (["--json"], []):
        said = grader("grade", path, "--assignment", folder, *arguments)

        assert said.status == 0
        assert ".ipynb" in said.out


def test_draws_and_keys_are_of_one_call_only(grader, runner, folder, notebook, tmp_path):
    grader("grade", notebook("a.ipynb", x=3, y=4), "--assignment", folder)

    assert not (tmp_path / "data").exists()
