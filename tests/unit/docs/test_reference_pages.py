"""Nothing that a person can set, call or follow is missing in the reference pages, and no link leads nowhere."""

import re
import tomllib
from types import SimpleNamespace

import pytest
import typer
from documentation import CHECKOUT, DOCS, anchors_of, names_in, relative_links_of, rows_of, sections_of

from grader.cli import failure
from grader.cli.app import app as command_line
from grader.domain.execution import Outcome
from grader.domain.people import Role
from grader.domain.result import Verdict
from grader.domain.text import Language
from grader.feedback.catalogue import known_codes, load_messages
from grader.settings import Settings
from grader.web.app import create_app

SETTINGS = (DOCS / "reference" / "settings.md").read_text("utf-8")
COMMANDS = (DOCS / "reference" / "cli.md").read_text("utf-8")
ROUTES = (DOCS / "reference" / "api.md").read_text("utf-8")
AT_THE_ROOT = ("GET /healthz", "GET /readyz")
PAGES = [CHECKOUT / "README.md", CHECKOUT / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md"))]


def commands_of(group, way=("grader",)):
    """Every command that `--help` shows, by the words one types."""
    for name, command in group.commands.items():
        if command.hidden:
            continue
        if hasattr(command, "commands"):
            yield from commands_of(command, (*way, name))
        else:
            yield " ".join((*way, name)), command


COMMAND_BY_NAME = dict(commands_of(typer.main.get_command(command_line)))
USAGE = [names_in(row[0])[0].replace("\\|", "|") for row in rows_of(COMMANDS.partition("\n## ")[0])]


def as_written(default):
    if isinstance(default, bool):
        return str(default).lower()
    return f"{default:g}" if isinstance(default, float) else str(default)


def test_every_setting_is_described_under_its_variable_with_its_default():
    shown = {names_in(row[0])[0]: names_in(row[1])[0] for row in rows_of(SETTINGS)}
    defaults = {f"GRADER_{name.upper()}": as_written(info.default) for name, info in Settings.model_fields.items()}
    defaults["GRADER_KERNEL_PYTHON"] = ".venv-kernel/bin/python"  # beside where the service is installed

    assert shown == defaults


@pytest.mark.parametrize("command", COMMAND_BY_NAME.values(), ids=COMMAND_BY_NAME)
def test_every_variable_that_an_option_reads_is_named(command):
    variables = [parameter.envvar for parameter in command.params if parameter.envvar]

    assert [variable for variable in variables if f"`{variable}`" not in SETTINGS] == []


def test_every_command_is_described():
    described = {re.match(r"grader(?: [a-z]+)+", usage)[0] for usage in USAGE}

    assert described == COMMAND_BY_NAME.keys()


@pytest.mark.parametrize("usage", USAGE)
def test_what_a_usage_shows_exists_and_what_is_required_is_shown(usage):
    command = COMMAND_BY_NAME[re.match(r"grader(?: [a-z]+)+", usage)[0]]
    options = {name for parameter in command.params for name in parameter.opts if name.startswith("--")}
    required = {parameter.opts[0] for parameter in command.params if parameter.required and not parameter.envvar}

    assert set(re.findall(r"--[a-z-]+", usage)) <= options
    assert {name for name in required if name.startswith("--")} <= set(re.findall(r"--[a-z-]+", usage))


def test_every_exit_status_is_explained():
    shown = {int(row[0]) for row in rows_of(sections_of(COMMANDS)["Exit status"])}

    ours = {failure.USAGE, failure.REFUSED, failure.OUR_FAILURE, failure.AUTHORS_ERROR, failure.UNNOTICED}
    assert shown == {0} | ours


def test_every_route_is_described():
    paths = create_app(SimpleNamespace(max_upload_bytes=1, public_url=None, stores=None)).openapi()["paths"]
    served = {f"{method.upper()} {path}" for path, methods in paths.items() for method in methods}
    described = {names_in(row[0])[0] for row in rows_of(ROUTES.partition("\n## ")[0])}
    whole = {route if route in AT_THE_ROOT else route.replace(" /", " /api/v1/") for route in described}

    assert {without_names(route) for route in whole} == {without_names(route) for route in served}


def without_names(route):
    """The route with its parameters unnamed: what a page calls {id} is {submission_id} in the code."""
    return re.sub(r"\{\w+\}", "{}", route)


def test_every_refusal_that_the_api_page_names_exists():
    (paragraph,) = [part for part in ROUTES.split("\n- ") if "is refused with 422" in part]
    named = [name for name in names_in(paragraph) if "." not in name]

    assert named
    assert [name for name in named if f"refused.{name}" not in known_codes(Language.EN)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(CHECKOUT)))
def test_every_link_leads_somewhere(page):
    lost = []
    for target in relative_links_of(page.read_text("utf-8")):
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        if not file.exists() or (anchor and anchor not in anchors_of(file.read_text("utf-8"))):
            lost.append(target)

    assert lost == []


@pytest.mark.parametrize("page", PAGES[2:], ids=lambda page: str(page.relative_to(CHECKOUT)))
def test_every_page_can_be_reached_from_the_readme(page):
    linked = linked_from(CHECKOUT / "README.md")

    assert page in linked | linked_from(DOCS / "assignments" / "README.md")


def linked_from(page):
    targets = relative_links_of(page.read_text("utf-8"))
    return {(page.parent / target.partition("#")[0]).resolve() for target in targets}


def test_every_dependency_has_its_reason():
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text("utf-8"))["project"]
    kernels = (CHECKOUT / "kernel-requirements.txt").read_text("utf-8").splitlines()
    wanted = [*project["dependencies"], *project["optional-dependencies"]["test"], *kernels]
    names = {re.match(r"[\w-]+", line)[0].lower() for line in wanted if line and not line.startswith("#")}
    page = (DOCS / "dependencies.md").read_text("utf-8").lower()

    assert {name for name in names if not name.startswith("types-") and not re.search(rf"\b{name}\b", page)} == set()


def test_the_troubles_of_a_sandbox_are_told_in_the_words_of_the_log():
    page = (DOCS / "how-to" / "run-a-server.md").read_text("utf-8")
    said = (CHECKOUT / "grader" / "sandbox" / "box.py").read_text("utf-8").replace("{program}", "bwrap")
    said += "".join(words for code, words in load_messages(Language.EN).items() if code.startswith("ready."))

    quoted = [words for row in rows_of(page) for words in row[0].split("; ")]

    assert len(quoted) > 3
    assert [words for words in quoted if words not in said] == []


def test_every_word_of_a_result_is_in_the_glossary():
    glossary = (DOCS / "glossary.md").read_text("utf-8")

    assert [
        word.value
        for word in (*Verdict, *Outcome, *Role)
        if not re.search(rf"\b{word.value}\b", glossary, re.IGNORECASE)
    ] == []
