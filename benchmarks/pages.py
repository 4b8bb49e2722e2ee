"""Pages and API lists of seeded courses, asked for through the whole application as a browser or a program does."""

import gc
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from urllib.parse import quote

from starlette.testclient import TestClient

from grader.domain.ids import PersonId, SubmissionId
from grader.domain.people import Course, Person, Role
from grader.domain.publishing import Offering
from grader.domain.review import AnswerScope
from grader.flow.accounts import DEFAULT_LIFETIMES, invite, sign_out, start_session
from grader.flow.people import make_token, revoke_token
from grader.flow.ports import Stores, Transaction
from grader.flow.review_items import part_of
from grader.flow.submit import Intake
from grader.notebook.read import read
from grader.web.app import create_app
from grader.web.pages.review_place import address_of_part
from grader.web.services import Services
from grader.wiring.data_folder import stored_assignments
from grader.wiring.processes import OBJECTS_OF_PAGES

MOST_UPLOAD_BYTES = 1 << 20
ADMIN = "admin"
"""Whom `scripts/seed` lets into every course."""
Ask = Callable[[], object]


class Visitor:
    """An admin and a student of each course, all signed in, with an assignment open."""

    def __init__(self, stores: Stores, client: TestClient, people: "SignedIn") -> None:
        self._stores = stores
        self._client = client
        self._people = people
        with stores.storage.reading() as tx:
            self._places = [
                (course.slug, each.slug)
                for course in tx.courses.list_all()
                for each in tx.offerings.list_of(course.course_id)
            ]
            self._students = {course.slug: _find_student(tx, course) for course in tx.courses.list_all()}
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
            person_id = self._students[self._course].person_id
            self._own = _find_graded(tx, offering, person_id=person_id)
            self._submission = _find_graded(tx, offering)
            assert self._submission is not None
            self._desks = _find_desks(tx, course, offering)
            self._trials = _find_trials(tx, course)

    @property
    def asks(self) -> Mapping[str, Ask]:
        """A page's or list's name, and what asks for it."""
        return {name: self._asking(*what) for name, what in self.addresses.items()}

    @property
    def addresses(self) -> Mapping[str, tuple[str, Mapping[str, str]]]:
        """With the headers that say who asks."""
        course = f"/courses/{self._course}"
        assignment = f"{course}/assignments/{self._assignment}"
        student = self._people.headers_of(self._students[self._course])
        own = {"home": "/", "course": course, "assignment": assignment, "account": "/account"}
        if self._own is not None:
            own |= _submission_pages(self._own)
        pages = self._course_pages(course) | self._assignment_pages(course, assignment) | self._api_lists(course)
        return {
            **{name: (address, self._people.admin) for name, address in pages.items()},
            **{f"{name} of a student": (address, student) for name, address in own.items()},
        }

    def _course_pages(self, course: str) -> dict[str, str]:
        person = self._students[self._course].person_id
        return {
            "home": "/",
            "workers": "/workers",
            "new course": "/courses/new",
            "sign in": "/sign-in",
            "join": "/join",
            "invitation": f"/invitation/{self._people.invitation}",
            "course": course,
            "settings": f"{course}/settings",
            "members": f"{course}/members",
            "members, search": f"{course}/members?q={quote('佐藤')}",
            "member": f"{course}/members/{person}",
            "roster file": f"{course}/members/import",
            "table, by number": f"{course}/table",
            "table, by total": f"{course}/table?sort=total&order=down",
            "table, by an assignment": f"{course}/table?sort=assignment&assignment={self._assignment}&page=3",
            "table, who has not handed in": f"{course}/table?state=not_handed_in&assignment={self._assignment}",
            "table, who waits anywhere": f"{course}/table?state=pending",
            "table, search": f"{course}/table?q={quote('佐藤')}",
            "review queue": f"{course}/review",
            "review queue, before due dates": f"{course}/review?early=1",
            "assignments to write": f"{course}/assignments/new",
            **self._trials,
        }

    def _assignment_pages(self, course: str, assignment: str) -> dict[str, str]:
        """With those of a submission, and of an answer that waits."""
        return {
            "assignment": assignment,
            "dashboard": f"{assignment}/dashboard",
            "dashboard, every mistake": f"{assignment}/dashboard?mistakes=all",
            "regrade": f"{assignment}/regrade",
            "shared mistakes": f"{course}/review/{self._assignment}",
            **{name: f"{course}/review/{self._assignment}{desk}" for name, desk in self._desks.items()},
            "dates": f"{assignment}/dates",
            "writing": f"{assignment}/edit",
            "writing, YAML": f"{assignment}/edit/yaml",
            "writing, files": f"{assignment}/edit/files",
            "writing, as a student": f"{assignment}/edit/student",
            "writing, self-test": f"{assignment}/edit/trial",
            "writing, publish": f"{assignment}/edit/publish",
            **_submission_pages(self._submission),
        }

    def _api_lists(self, course: str) -> dict[str, str]:
        api = f"/api/v1{course}"
        submission = f"/api/v1/submissions/{self._submission}"
        return {
            "API, courses": "/api/v1/courses",
            "API, course": api,
            "API, assignments": f"{api}/assignments",
            "API, assignment": f"{api}/assignments/{self._assignment}",
            "API, members": f"{api}/members",
            "API, submissions": f"{api}/assignments/{self._assignment}/submissions",
            "API, submission": submission,
            "API, result": f"{submission}/result",
            "API, rubrics": f"{submission}/rubrics",
            "API, decisions": f"{submission}/decisions",
        }

    def _asking(self, address: str, headers: Mapping[str, str]) -> Ask:
        def ask() -> None:
            answer = self._client.get(address, headers=headers)
            assert answer.status_code == 200, f"{address}: {answer.status_code}"

        return ask


class SignedIn:
    """Sessions, a token and an invitation of people in a seeded folder, until they leave."""

    def __init__(self, stores: Stores) -> None:
        self._stores = stores
        self._secrets: dict[PersonId, str] = {}
        with stores.storage.reading() as tx:
            admin = tx.people.find_by_login(ADMIN)
        assert admin is not None, "the folder is an earlier release's: make it anew with scripts/seed"
        issued = make_token(admin.login, label="benchmark", stores=stores)
        self._token = issued.token.token_id
        self._invited = admin.person_id
        self.invitation = invite(ADMIN, stores=stores).secret
        self.admin = {**self.headers_of(admin), "Authorization": f"Bearer {issued.secret}"}

    def headers_of(self, person: Person) -> Mapping[str, str]:
        if person.person_id not in self._secrets:
            with self._stores.storage.writing() as tx:
                now = self._stores.clock.now()
                issued = start_session(tx, person, lifetimes=DEFAULT_LIFETIMES, at=now)
            self._secrets[person.person_id] = issued.secret
        return {"Cookie": f"session={self._secrets[person.person_id]}"}

    def leave(self) -> None:
        for secret in self._secrets.values():
            sign_out(secret, stores=self._stores)
        revoke_token(self._token, stores=self._stores)
        with self._stores.storage.writing() as tx:
            tx.accounts.forget_invitation(self._invited)


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
    threshold = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(OBJECTS_OF_PAGES)
    with TestClient(app, headers={"Accept": "text/html", "Accept-Encoding": "gzip"}) as client:
        people = SignedIn(stores)
        try:
            yield Visitor(stores, client, people)
        finally:
            people.leave()
            gc.set_threshold(*threshold)
            gc.unfreeze()


def _submission_pages(submission_id: SubmissionId) -> dict[str, str]:
    root = f"/submissions/{submission_id}"
    return {
        "result": root,
        "progress": f"{root}/progress",
        "cells": f"{root}/cells",
        "notebook": f"{root}/notebook",
        "executed notebook": f"{root}/executed",
    }


def _find_graded(tx: Transaction, offering: Offering, *, person_id: PersonId | None = None) -> SubmissionId | None:
    """The newest that has a result, of anybody or one person: a few we could not grade."""
    newest = tx.submissions.list_of(offering.offering_id, person_id=person_id, limit=20)
    graded = tx.runs.list_counting([each.submission_id for each in newest])
    return next((each.submission_id for each in newest if each.submission_id in graded), None)


def _find_desks(tx: Transaction, course: Course, offering: Offering) -> dict[str, str]:
    """Where an answer is judged, after the assignment's address, if any waits."""
    waiting = tx.reviews.list_waiting(AnswerScope(course_id=course.course_id, offering_ids=[offering.offering_id]))
    if not waiting:
        return {}
    part, submission_id = part_of(waiting[0]), waiting[0].submission_id
    return {
        "review, the first that waits": address_of_part("", part),
        "review, one answer": address_of_part("", part, submission=submission_id),
        "review, a student's": address_of_part("", part, submission=submission_id, walk="student"),
    }


def _find_trials(tx: Transaction, course: Course) -> dict[str, str]:
    """The newest regrade of any assignment, and the version that it tries, if one was asked for."""
    for offering in tx.offerings.list_of(course.course_id):
        for regrade in tx.regrades.list_of(offering.offering_id):
            versions = f"/courses/{course.slug}/assignments/{offering.slug}/versions"
            return {
                "regrade, before and after": f"/regrades/{regrade.regrade_id}",
                "a version not offered yet": f"{versions}/{regrade.version}",
            }
    return {}


def _find_student(tx: Transaction, course: Course) -> Person:
    """The first of the roster."""
    roster = tx.courses.list_roster(course.course_id)
    return next(each.person for each in roster if each.membership.role is Role.STUDENT)
