"""Pages and API lists of seeded courses, asked for through the whole application as a browser or a program does."""

import gc
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from urllib.parse import quote

from fastapi import FastAPI
from starlette.testclient import TestClient

from grader.domain.ids import PersonId
from grader.domain.people import Person, Role
from grader.flow.people import Caller
from grader.flow.ports import Stores, Transaction
from grader.flow.submit import Intake
from grader.notebook.read import read
from grader.web.access import caller_of, page_caller_of
from grader.web.app import create_app
from grader.web.services import Services
from grader.wiring.data_folder import stored_assignments

MOST_UPLOAD_BYTES = 1 << 20
Ask = Callable[[], object]


class Visitor:
    """Staff of a course and one of its students, with an assignment open; nobody has to sign in."""

    def __init__(self, stores: Stores, client: TestClient, app: FastAPI) -> None:
        self._stores = stores
        self._client = client
        # An admin whom nobody has stored: a folder that is kept stays as it was.
        nobody = Person(person_id=PersonId(""), login="", name="", is_admin=True, created_at=stores.clock.now())
        self._staff = self._caller = Caller(person=nobody, memberships=())
        app.dependency_overrides = {page_caller_of: self._say_who, caller_of: self._say_who}
        with stores.storage.reading() as tx:
            self._places = [
                (course.slug, each.slug)
                for course in tx.courses.list_all()
                for each in tx.offerings.list_of(course.course_id)
            ]
            self._students = {course.slug: _some_student(tx, course.slug) for course in tx.courses.list_all()}
        self._turns = count()
        self.turn_to_the_next()

    def turn_to_the_next(self) -> None:
        """A step that no number of courses and assignments divides: the next round has another of both."""
        self._course, self._assignment = self._places[next(self._turns) * 13 % len(self._places)]
        with self._stores.storage.reading() as tx:
            course = tx.courses.find_by_slug(self._course)
            assert course is not None
            offering = tx.offerings.find(course.course_id, slug=self._assignment)
            assert offering is not None
            person = self._students[self._course].person.person_id
            own = tx.submissions.list_of(offering.offering_id, person_id=person, limit=1)
            (newest,) = tx.submissions.list_of(offering.offering_id, limit=1)
        self._own = own[0].submission_id if own else None
        self._submission = newest.submission_id

    @property
    def asks(self) -> Mapping[str, Ask]:
        course = f"/courses/{self._course}"
        assignment = f"{course}/assignments/{self._assignment}"
        api = f"/api/v1{course}"
        staff = {
            "home": "/",
            "course": course,
            "dashboard": f"{assignment}/dashboard",
            "table, by number": f"{course}/table",
            "table, by total": f"{course}/table?sort=total&order=down",
            "table, by an assignment": f"{course}/table?sort=assignment&assignment={self._assignment}&page=3",
            "table, who has not handed in": f"{course}/table?state=not_handed_in&assignment={self._assignment}",
            "table, who waits anywhere": f"{course}/table?state=pending",
            "table, search": f"{course}/table?q={quote('佐藤')}",
            "regrade": f"{assignment}/regrade",
            "review queue": f"{course}/review",
            "members": f"{course}/members",
            "a result": f"/submissions/{self._submission}",
            "API, courses": "/api/v1/courses",
            "API, assignments": f"{api}/assignments",
            "API, members": f"{api}/members",
            "API, submissions": f"{api}/assignments/{self._assignment}/submissions",
        }
        student = {"home of a student": "/", "course of a student": course, "assignment of a student": assignment}
        if self._own is not None:
            student["result of a student"] = f"/submissions/{self._own}"
        return {
            **{name: self._asking(address, self._staff) for name, address in staff.items()},
            **{name: self._asking(address, self._students[self._course]) for name, address in student.items()},
        }

    def _asking(self, address: str, caller: Caller) -> Ask:
        def ask() -> None:
            self._caller = caller
            answer = self._client.get(address)
            assert answer.status_code == 200, f"{address}: {answer.status_code}"

        return ask

    async def _say_who(self) -> Caller:
        return self._caller


@contextmanager
def open_visitor(stores: Stores) -> Iterator[Visitor]:
    """The application on these stores, without a network in between."""
    app = create_app(
        Services(
            stores=stores,
            intake=Intake(stores=stores, read_notebook=read, free_share=lambda: 1.0),
            assignments=stored_assignments(stores),
            max_upload_bytes=MOST_UPLOAD_BYTES,
        )
    )
    # As the web process does when it starts: without it one answer in a few would stop for the garbage collector.
    gc.collect()
    gc.freeze()
    with TestClient(app, headers={"Accept": "text/html", "Accept-Encoding": "gzip"}) as client:
        yield Visitor(stores, client, app)


def _some_student(tx: Transaction, slug: str) -> Caller:
    course = tx.courses.find_by_slug(slug)
    assert course is not None
    roster = tx.courses.list_roster(course.course_id)
    member = next(each for each in roster if each.membership.role is Role.STUDENT)
    return Caller(person=member.person, memberships=tx.courses.list_memberships(member.person.person_id))
