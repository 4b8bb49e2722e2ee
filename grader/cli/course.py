"""`grader course`: courses, by the operator at the machine."""

from typing import Annotated

import typer

from grader.cli.language import default_language
from grader.cli.table import plain
from grader.domain.people import CountingPolicy
from grader.domain.text import Fact, Note
from grader.feedback.catalogue import sentence
from grader.flow.joining import close_joining, find_join_code, renew_join_code
from grader.flow.people import add_course
from grader.flow.publish import offer, update_offering
from grader.wiring import configuration, data_folder, typed_dates

app = typer.Typer(help="Add courses and offer assignments in them.", no_args_is_help=True)


@app.command("add")
def add(
    slug: Annotated[str, typer.Argument(help="Its short name in addresses: small letters, digits and '-'.")],
    title: Annotated[str, typer.Option("--title", help="Its name for people.")] = "",
    time_zone: Annotated[str, typer.Option("--time-zone", help="IANA name.")] = "Asia/Tokyo",
    counting: Annotated[
        CountingPolicy, typer.Option("--counting", help="Which of a student's submissions counts.")
    ] = CountingPolicy.BEST,
) -> None:
    """Add a course."""
    with data_folder.open_stores(configuration.read_settings()) as stores:
        course = add_course(slug, title=title or slug, time_zone=time_zone, counting=counting, stores=stores)
    print(course.slug)


_Opens = Annotated[str | None, typer.Option("--opens", help="When it opens: 2026-11-24T09:00, in the course's zone.")]
_Due = Annotated[str | None, typer.Option("--due", help="When it is due.")]
_Closes = Annotated[str | None, typer.Option("--closes", help="After it uploads are kept, but never count.")]
_Feedback = Annotated[str | None, typer.Option("--feedback", help="When points may be read; at once by default.")]
_Details = Annotated[str | None, typer.Option("--details", help="When details may, too; with the points by default.")]


@app.command("offer")
def offer_assignment(
    course: Annotated[str, typer.Argument(help="The course's short name.")],
    assignment: Annotated[str, typer.Argument(help="A published assignment's short name.")],
    opens: _Opens = None,
    due: _Due = None,
    closes: _Closes = None,
    feedback: _Feedback = None,
    details: _Details = None,
) -> None:
    """Offer the newest published version of an assignment in a course."""
    with data_folder.open_stores(configuration.read_settings()) as stores:
        dates = typed_dates.parse_dates(
            course, stores, opens=opens, due=due, closes=closes, feedback=feedback, details=details
        )
        offering = offer(assignment, course=course, dates=dates, stores=stores)
    print(f"{course}/{offering.slug} {offering.version[:12]}")


@app.command("update")
def update(
    course: Annotated[str, typer.Argument(help="The course's short name.")],
    assignment: Annotated[str, typer.Argument(help="The short name of an assignment that it offers.")],
    opens: _Opens = None,
    due: _Due = None,
    closes: _Closes = None,
    feedback: _Feedback = None,
    details: _Details = None,
) -> None:
    """Let a course use the newest version and texts of an assignment, or change its dates; nothing is graded anew.

    Points that were given by rubric items follow the newest rubric; points that were given as a number and are more
    than there are now are listed.
    """
    with data_folder.open_stores(configuration.read_settings()) as stores:
        dates = typed_dates.parse_dates(
            course, stores, opens=opens, due=due, closes=closes, feedback=feedback, details=details
        )
        done = update_offering(assignment, course=course, dates=dates, stores=stores)
    print(f"{course}/{done.offering.slug} {done.offering.version[:12]}")
    language = default_language()
    if done.recomputed:
        print(sentence(Note(code="review.recomputed", facts={"count": done.recomputed}), language))
    for one in done.exceeding:
        facts: dict[str, Fact] = {
            "login": one.login,
            "number": one.number,
            "question": one.question_id,
            "points": one.points,
            "most": one.most,
        }
        print(plain(sentence(Note(code="review.exceeding", facts=facts), language)))


@app.command("code")
def code(
    course: Annotated[str, typer.Argument(help="The course's short name.")],
    renew: Annotated[bool, typer.Option("--renew", help="Make another one; the earlier one stops working.")] = False,
    close: Annotated[bool, typer.Option("--close", help="Take it away: nobody can ask to join any more.")] = False,
) -> None:
    """Print the code with which students ask to join a course; made when it is first asked for."""
    with data_folder.open_stores(configuration.read_settings()) as stores:
        if close:
            close_joining(course, stores=stores)
            return
        known = None if renew else find_join_code(course, stores=stores)
        print(known or renew_join_code(course, stores=stores))
