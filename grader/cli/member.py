"""`grader member`: who belongs to which course, and how they get in."""

import csv
import io
from pathlib import Path
from typing import Annotated

import typer

from grader.cli.language import default_language
from grader.cli.table import plain
from grader.domain.people import Person, Role
from grader.domain.roster import RosterColumns, RosterPlan
from grader.domain.text import Fact, Language, Note
from grader.errors import NotFound
from grader.feedback.catalogue import sentence
from grader.flow.accounts import invite
from grader.flow.joining import PendingJoin, admit, decline, list_pending
from grader.flow.people import NewMember, add_member
from grader.flow.ports import Stores
from grader.flow.roster import import_roster, invite_newcomers, preview_roster
from grader.wiring import configuration, data_folder

app = typer.Typer(help="Add members to courses, and make links with which they sign in.", no_args_is_help=True)

_Course = Annotated[str, typer.Argument(help="The course's short name.")]
_Login = Annotated[str, typer.Argument(help="What the person signs in with.")]


@app.command("add")
def add(
    course: _Course,
    login: Annotated[str, typer.Argument(help="What the person signs in with; created if it is new.")],
    name: Annotated[str, typer.Option("--name", help="The person's name.")] = "",
    role: Annotated[Role, typer.Option("--role", help="What the person may do in the course.")] = Role.STUDENT,
    number: Annotated[str | None, typer.Option("--number", help="Student number.")] = None,
) -> None:
    """Add a member to a course, or change a member's role."""
    new = NewMember(login=login, name=name, role=role, student_number=number)
    with data_folder.open_stores(configuration.read_settings()) as stores:
        person, membership = add_member(new, course=course, stores=stores)
    print(f"{person.login} {membership.role.value}")


@app.command("link")
def link(login: _Login) -> None:
    """Print a link with which a person chooses a password; it works once, and earlier ones do not any more."""
    settings = configuration.read_settings()
    with data_folder.open_stores(settings) as stores:
        issued = invite(login, stores=stores)
    print(configuration.invitation_link(issued.secret, settings=settings))


@app.command("links")
def links(course: _Course) -> None:
    """Print a CSV with a new link for each student of a course who has no password yet, to mail out."""
    settings = configuration.read_settings()
    with data_folder.open_stores(settings) as stores:
        issued = invite_newcomers(course, stores=stores)
    table = io.StringIO()
    rows = csv.writer(table, lineterminator="\n")
    rows.writerow(("login", "name", "link"))
    for each in issued:
        person = each.invitation.person
        rows.writerow(
            (*map(_as_cell, (person.login, person.name)), configuration.invitation_link(each.secret, settings=settings))
        )
    print(table.getvalue(), end="")


@app.command("import")
def import_(
    course: _Course,
    file: Annotated[Path, typer.Argument(help="CSV or XLSX.", exists=True, dir_okay=False, readable=True)],
    apply: Annotated[bool, typer.Option("--apply", help="Make the changes; without it they are only shown.")] = False,
    login: Annotated[str | None, typer.Option("--login", help="Heading of the column with logins.")] = None,
    name: Annotated[str | None, typer.Option("--name", help="Heading of the column with names.")] = None,
    number: Annotated[str | None, typer.Option("--number", help="Heading of the column with student numbers.")] = None,
) -> None:
    """Bring a course's students in line with a roster file: show what would change, or change it.

    Who is missing in the file stops being a member; nothing is deleted.
    """
    columns = RosterColumns(login=login, name=name, student_number=number)
    data, language = file.read_bytes(), default_language()
    with data_folder.open_stores(configuration.read_settings()) as stores:
        preview = preview_roster(data, course=course, stores=stores, columns=columns)
        print("\n".join(_plan_lines(preview.plan, language)))
        if apply:
            import_roster(data, course=course, seen=preview.seen, stores=stores, columns=columns)
        else:
            print(sentence(Note(code="cli.roster_preview"), language))


@app.command("waiting")
def waiting(course: _Course) -> None:
    """List who has asked to join a course with its code, each with whom the roster has under their number."""
    language = default_language()
    with data_folder.open_stores(configuration.read_settings()) as stores:
        for each in list_pending(course, stores=stores):
            expected = "-" if each.expected is None else each.expected.person.name
            facts = _facts_of(each.request.person, number=each.request.student_number) | {"expected": expected}
            print(plain(sentence(Note(code="cli.join_pending", facts=facts), language)))


@app.command("admit")
def admit_(course: _Course, login: _Login) -> None:
    """Let somebody in who has asked to join a course."""
    with data_folder.open_stores(configuration.read_settings()) as stores:
        membership = admit(_get_pending(course, login, stores=stores).request.request_id, course=course, stores=stores)
    print(f"{login} {membership.role.value}")


@app.command("decline")
def decline_(course: _Course, login: _Login) -> None:
    """Turn down somebody who has asked to join a course."""
    with data_folder.open_stores(configuration.read_settings()) as stores:
        decline(_get_pending(course, login, stores=stores).request.request_id, course=course, stores=stores)


def _get_pending(course: str, login: str, *, stores: Stores) -> PendingJoin:
    for each in list_pending(course, stores=stores):
        if each.request.person.login == login:
            return each
    raise NotFound(what="join_request", name=login)


def _plan_lines(plan: RosterPlan, language: Language) -> list[str]:
    notes = [
        Note(
            code="cli.roster_added", facts={"login": line.login, "name": line.name, "number": line.student_number or ""}
        )
        for line in plan.added
    ]
    notes += [
        Note(
            code="cli.roster_changed",
            facts={"login": each.line.login, "name": each.line.name, "number": each.line.student_number or ""},
        )
        for each in plan.changed
    ]
    notes += [Note(code="cli.roster_left", facts=_facts_of(member.person, number=None)) for member in plan.left]
    notes += [
        Note(code="cli.roster_problem", facts={"line": each.line, "problem": sentence(each.note, language)})
        for each in plan.problems
    ]
    counts: dict[str, Fact] = {
        "added": len(plan.added),
        "changed": len(plan.changed),
        "left": len(plan.left),
        "unchanged": plan.unchanged,
    }
    notes.append(Note(code="cli.roster_counts", facts=counts))
    return [plain(sentence(note, language)).rstrip() for note in notes]


def _facts_of(person: Person, *, number: str | None) -> dict[str, Fact]:
    return {"login": person.login, "name": person.name, "number": number or ""}


def _as_cell(text: str) -> str:
    """A spreadsheet would run what begins like a formula."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
