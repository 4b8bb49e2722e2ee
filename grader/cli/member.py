"""`grader member`: who belongs to which course."""

from typing import Annotated

import typer

from grader import wiring
from grader.domain.people import Role
from grader.flow.people import NewMember, add_member

app = typer.Typer(help="Add members to courses.", no_args_is_help=True)


@app.command("add")
def add(
    course: Annotated[str, typer.Argument(help="The course's short name.")],
    login: Annotated[str, typer.Argument(help="What the person signs in with; created if it is new.")],
    name: Annotated[str, typer.Option("--name", help="The person's name.")] = "",
    role: Annotated[Role, typer.Option("--role", help="What the person may do in the course.")] = Role.STUDENT,
    number: Annotated[str | None, typer.Option("--number", help="Student number.")] = None,
) -> None:
    """Add a member to a course, or change a member's role."""
    new = NewMember(login=login, name=name, role=role, student_number=number)
    with wiring.open_stores(wiring.read_settings()) as stores:
        person, membership = add_member(new, course=course, stores=stores)
    print(f"{person.login} {membership.role.value}")
