"""The catalogues are complete: both languages say the same things, and everything that code can say has a sentence."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import pytest
from babel.messages.pofile import read_po

import grader
from grader import errors
from grader.domain.execution import Outcome
from grader.domain.result import Verdict
from grader.domain.text import Language, Note
from grader.feedback.catalogue import known_codes, load_messages, sentence

PACKAGE = Path(grader.__file__).parent
SOURCES = sorted(path for path in PACKAGE.rglob("*.py") if "locale" not in path.parts)
FILES = sorted((PACKAGE / "feedback" / "locale").rglob("*.po"))
CODE = re.compile(r"[a-z][a-z_]*\.(?!(?:html|css|js)$)[a-z0-9_]+(#full)?")
KANA = re.compile(r"[ぁ-んァ-ヶ]")
JAPANESE = re.compile(r"[ぁ-んァ-ヶ一-龠]")


def entries(file: Path) -> dict[str, str]:
    with file.open("rb") as stream:
        return {message.id: message.string for message in read_po(stream, abort_invalid=True) if message.id}


def gaps(text: str) -> Counter[tuple[str, str | None]]:
    return Counter((gap, form) for _, gap, form, _ in Formatter().parse(text) if gap is not None)


def strings(tree: ast.AST) -> Iterator[str]:
    """String literals that are not docstrings, and not parts of f-strings."""
    documentation = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    documentation |= {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documentation:
            yield node.value


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parts[-3]}/{file.name}")
def test_each_file_is_a_catalogue_with_a_sentence_for_each_code(file: Path) -> None:
    for code, text in entries(file).items():
        assert CODE.fullmatch(code) or code.startswith("word."), code
        assert text == text.strip() != "", code
        for gap, form in gaps(text):
            assert gap.isidentifier(), f"{code}: {gap} is no plain fact"
            assert form in ("", "word", "place", "text", "asked"), f"{code}: {gap}:{form}"


def test_no_entry_stands_in_two_files() -> None:
    for language in Language:
        files = [file for file in FILES if file.parts[-3] == language.value]
        seen = Counter(code for file in files for code in entries(file))
        assert [code for code, count in seen.items() if count > 1] == []


def test_both_languages_have_the_same_files_and_codes() -> None:
    by_language = {
        language: {file.name: sorted(entries(file)) for file in FILES if file.parts[-3] == language.value}
        for language in Language
    }
    assert by_language[Language.JA] == by_language[Language.EN]


@pytest.mark.parametrize("code", sorted(load_messages(Language.JA)))
def test_both_languages_fill_the_same_gaps(code: str) -> None:
    assert set(gaps(load_messages(Language.JA)[code])) == set(gaps(load_messages(Language.EN)[code]))


def test_japanese_is_japanese_and_english_is_not() -> None:
    ours = {code: re.sub(r"\{[^}]*\}", "", text) for code, text in load_messages(Language.JA).items()}
    # Signs alone, such as a plus before a number, are the same in every language.
    worded = {code: text for code, text in ours.items() if any(map(str.isalpha, text))}
    assert [code for code, text in worded.items() if not JAPANESE.search(text)] == []
    assert [code for code, text in load_messages(Language.EN).items() if KANA.search(text)] == []


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_every_code_in_the_source_has_a_sentence(source: Path) -> None:
    codes = known_codes(Language.JA)
    families = {code.partition(".")[0] for code in codes}
    written = [text for text in strings(ast.parse(source.read_text("utf-8"))) if CODE.fullmatch(text)]
    unknown = [text for text in written if text.partition(".")[0] in families and text not in codes]
    assert unknown == []


def test_every_code_that_is_put_together_has_sentences() -> None:
    begun = {
        part.values[0].value
        for source in SOURCES
        for part in ast.walk(ast.parse(source.read_text("utf-8")))
        if isinstance(part, ast.JoinedStr) and isinstance(part.values[0], ast.Constant)
    }
    families = {code.partition(".")[0] for code in known_codes(Language.JA)}
    codes = [text for text in begun if re.fullmatch(r"[a-z_]+\.[a-z_]*", text) and text.partition(".")[0] in families]
    assert [text for text in codes if not any(code.startswith(text) for code in known_codes(Language.JA))] == []
    for outcome in set(Outcome) - {Outcome.COMPLETED, Outcome.SANDBOX_FAILED}:
        assert {f"check.ended_{outcome}", f"execution.ended_{outcome}"} <= known_codes(Language.JA)


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_every_note_and_finding_with_a_literal_code_has_a_sentence(source: Path) -> None:
    calls = [node for node in ast.walk(ast.parse(source.read_text("utf-8"))) if isinstance(node, ast.Call)]
    said = []
    for call in calls:
        name = call.func.id if isinstance(call.func, ast.Name) else ""
        given = [keyword.value for keyword in call.keywords if keyword.arg == "code"]
        if name in ("Note", "Finding") and given:
            said += strings(given[0]) if isinstance(given[0], ast.Constant | ast.IfExp) else []
        if name == "NotebookRefused" and call.args and isinstance(call.args[0], ast.Constant):
            said.append(f"refused.{call.args[0].value}")
        if name == "GpuUnavailable" and call.args and isinstance(call.args[0], ast.Constant):
            said.append(f"ready.gpu_{call.args[0].value}")
    assert [code for code in said if code not in known_codes(Language.JA)] == []


def concrete_errors(kind: type[errors.GraderError] = errors.GraderError) -> Iterator[type[errors.GraderError]]:
    yield kind
    for child in kind.__subclasses__():
        if child.__module__ == errors.__name__:
            yield from concrete_errors(child)


@pytest.mark.parametrize("kind", sorted(concrete_errors(), key=lambda kind: kind.__name__))
def test_every_error_has_a_code_of_its_own_and_a_sentence(kind: type[errors.GraderError]) -> None:
    assert "code" in vars(kind)
    assert f"error.{kind.code}" in known_codes(Language.JA)
    assert Counter(error.code for error in set(concrete_errors()))[kind.code] == 1


@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize("code", [f"verdict.{verdict}" for verdict in Verdict] + [f"outcome.{one}" for one in Outcome])
def test_every_verdict_and_outcome_has_a_sentence_without_gaps(code: str, language: Language) -> None:
    assert sentence(Note(code=code), language)


OWN = ("output", "source", "written", "diagnose", "verdict", "outcome")


def test_nothing_is_translated_that_is_never_said() -> None:
    said = {text for source in SOURCES for text in strings(ast.parse(source.read_text("utf-8")))}
    said |= {f"verdict.{verdict}" for verdict in Verdict} | {f"outcome.{outcome}" for outcome in Outcome}
    said |= {f"error.{kind.code}" for kind in concrete_errors()}
    mine = [code for code in known_codes(Language.JA) if code.partition(".")[0] in (*OWN, "error")]
    assert sorted(code for code in mine if code not in said) == []
