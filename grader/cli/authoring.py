"""`grader assignment new | preview | release`: start an assignment, read it as students will, write their notebook."""

from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markdown import Markdown

from grader.authoring.template import make_template
from grader.catalog import Bundle, Loaded, parse
from grader.catalog.paths import SPEC_FILE
from grader.cli.failure import errors_told_in
from grader.cli.language import default_language
from grader.domain.ids import QuestionId
from grader.domain.text import Fact, Language, Note, Text
from grader.errors import FolderExists, InvalidRequest
from grader.feedback.catalogue import sentence
from grader.flow.draft import draft
from grader.flow.prompts import render_prompt, run_prompts
from grader.notebook.read import read
from grader.wiring import configuration, kernels, loading

_Lang = Annotated[Language | None, typer.Option("--lang", help="Language of messages.")]
_EXAMPLE_FILES = ("assignment.yaml", "reference.ipynb")


def new(
    slug: Annotated[str, typer.Argument(metavar="SLUG", help="The assignment's short name; also its folder's.")],
    solved: Annotated[
        Path | None, typer.Option("--from", metavar="NOTEBOOK", help="A solved notebook to draft it from.")
    ] = None,
    into: Annotated[Path, typer.Option("--into", metavar="DIR", help="Where the folder goes.")] = Path(),
    language: _Lang = None,
) -> None:
    """Write a small working example, or a draft from a notebook that is solved already.

    Exit status: 0 written, 2 usage, 3 the notebook was refused, 4 our failure, 5 nothing can be made of it.
    """
    language = language or default_language()
    with errors_told_in(language):
        folder = into / slug
        if folder.exists():
            raise FolderExists(folder=str(folder))
        if solved is None:
            example = resources.files("grader.authoring") / "example"
            files = {name: (example / name).read_bytes() for name in _EXAMPLE_FILES}
            _save(folder, files | _templates(parse(Bundle(slug=slug, files=files))))
            print(sentence(Note(code="cli.example_done", facts={"folder": str(folder)}), language))
            return
        notebook = read(_read_bytes(solved), limits=configuration.read_limits(configuration.read_settings()))
        with kernels.open_runner(configuration.read_settings()) as runner:
            made = draft(notebook, slug=slug, runner=runner, read_assignment=loading.parse_files)
        loaded = parse(Bundle(slug=slug, files=made.files))
        _save(folder, {**made.files, **_templates(loaded)})
    for note in made.notes:
        print(sentence(note, language))
    questions = loaded.assignment.questions
    checks = sum(len(question.checks) for question in questions)
    facts: dict[str, Fact] = {"folder": str(folder), "questions": len(questions), "checks": checks}
    print(sentence(Note(code="cli.draft_done", facts=facts), language))


def preview(
    folder: Annotated[str, typer.Argument(metavar="DIR", help="The folder with assignment.yaml, or a bundled name.")],
    language: _Lang = None,
) -> None:
    """Show the prompts as students will read them, with what the reference prints in their gaps.

    Exit status: 0 shown, 4 our failure, 5 something in the files is wrong.
    """
    language = language or default_language()
    with errors_told_in(language):
        loaded = loading.load_assignment(folder)
        prompts = _prompts(loaded)
    console = Console()
    console.print(Markdown(f"# {loaded.assignment.title.in_language(language)}"))
    for question in loaded.assignment.questions:
        facts: dict[str, Fact] = {"number": question.number, "points": question.points}
        label = sentence(Note(code="template.label", facts=facts), language)
        title = question.title.in_language(language)
        worth = sentence(Note(code="template.points", facts=facts), language)
        heading = label if title == label else f"{label} {title}"
        prompt = prompts[question.question_id].in_language(language)
        console.print(Markdown(f"## {heading} {worth}\n\n{prompt}"))


def release(
    folder: Annotated[str, typer.Argument(metavar="DIR", help="The folder with assignment.yaml, or a bundled name.")],
    to: Annotated[
        Path | None, typer.Option("--to", metavar="DIR", help="Where to write; by default DIR itself.")
    ] = None,
    language: _Lang = None,
) -> None:
    """Write the students' notebooks, one for each language: the prompts, and the reference without its solutions.

    Exit status: 0 written, 2 usage, 4 our failure, 5 something in the files is wrong.
    """
    language = language or default_language()
    with errors_told_in(language):
        loaded = loading.load_assignment(folder)
        target = to or Path(loaded.bundle.shown_name(SPEC_FILE)).parent
        if not target.is_dir():
            raise InvalidRequest(what="--to", value=str(target))
        for name, data in _templates(loaded).items():
            (target / name).write_bytes(data)
            print(sentence(Note(code="cli.template_written", facts={"file": str(target / name)}), language))


def _templates(loaded: Loaded) -> dict[str, bytes]:
    """The students' notebook in each of the assignment's languages, by file name."""
    prompts = _prompts(loaded)
    return {
        f"template.{language.value}.ipynb": make_template(
            loaded.reference,
            location=loaded.location,
            questions=loaded.assignment.questions,
            prompts={name: prompt.in_language(language) for name, prompt in prompts.items()},
            title=loaded.assignment.title.in_language(language),
            language=language,
        )
        for language in loaded.languages
    }


def _prompts(loaded: Loaded) -> dict[QuestionId, Text]:
    """Each question's prompt with its gaps filled; the reference runs where there are any."""
    questions = loaded.assignment.questions
    outputs: Mapping[QuestionId, Mapping[str, str]] = {}
    if loaded.prompt_expressions:
        with kernels.open_runner(configuration.read_settings(), device=loaded.assignment.device) as runner:
            outputs = run_prompts(loaded, runner=runner)
    return {
        question.question_id: render_prompt(question.prompt, outputs.get(question.question_id, {}))
        for question in questions
    }


def _save(folder: Path, files: dict[str, bytes]) -> None:
    try:
        folder.mkdir(parents=True)
        for name, data in files.items():
            (folder / name).write_bytes(data)
    except OSError as error:
        raise InvalidRequest(what=f"{folder}: {error.strerror}") from error


def _read_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InvalidRequest(what=f"{path}: {error.strerror}") from error
