"""A school with something of every kind in it, and a way in for everybody, for tests that ask every route."""

import base64
import hashlib
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path

import numpy as np
from graded import WRONG, Graded, Scribe, enter
from png_file import write_png
from school import School, notebook_bytes

from grader.catalog import Bundle, parse
from grader.domain.accounts import SessionLifetimes
from grader.domain.people import Role
from grader.flow import joining, manuscripts, roster_upload
from grader.flow.accounts import invite, start_session
from grader.flow.assignments import StoredAssignments
from grader.flow.people import NewMember, add_course, add_member, create_person, make_token
from grader.flow.publish import offer
from grader.flow.trial import RegradeWish, ask_regrade
from grader.notebook.read import read
from grader.web.services import Services

PICTURE = write_png(np.zeros((2, 3, 3), dtype=np.uint8))
OUTPUTS = [
    {"output_type": "display_data", "data": {"text/html": "<b>bold</b>"}},
    {"output_type": "display_data", "data": {"image/png": base64.b64encode(PICTURE).decode()}},
]
EXAMPLE = resources.files("grader.authoring") / "example"
PEOPLE = ("zoe", "max", "bob", "ann", "tom", "ida", "eve")
"""zoe is in no course, max teaches another one that offers the same, bob is a fellow of ann, who has handed in; tom is
TA, ida the instructor, eve an admin."""


@dataclass
class Town:
    """A school with something of every kind, kept as files, and a way in for everybody."""

    folder: Path
    names: dict
    sessions: dict
    tokens: dict


def build_town(folder, *, template):
    """Ann has handed in; somebody asks to join; a regrade waits, and so do a roster file and a draft."""
    school = School.open(folder, template=template)
    school.loaded = Graded()
    stores = school.stores
    create_person("zoe", name="Zoe", stores=stores)
    add_course("other", title="Other", stores=stores)
    add_member(NewMember(login="max", name="Max", role=Role.INSTRUCTOR), course="other", stores=stores)
    offer("tiny", course="other", stores=stores)
    enter(school, "bob")  # he has a password from now on
    words = r"It is $\sqrt{16}$, as $\sum_i x_i^2 \in \mathbb{R}$."
    submission = school.submit("ann", notebook_bytes(words=words, **WRONG)).submission
    school.work_off(school.bench(runner=Scribe(outputs={1: OUTPUTS})))
    code = joining.renew_join_code("demo", stores=stores)
    joining.ask_to_join(code, student_number="7", caller=school.caller("zoe"), stores=stores)
    (waiting,) = joining.list_pending("demo", stores=stores)
    regrade = ask_regrade("demo", "tiny", wish=RegradeWish(), caller=school.caller("tom"), stores=stores)
    files = {name: (EXAMPLE / name).read_bytes() for name in ("assignment.yaml", "reference.ipynb")}
    manuscripts.begin("demo", "mine", files, caller=school.caller("ida"), stores=stores)
    roster_upload.keep_upload(
        b"login,name\nann,Ann\n", file_name="roster.csv", course="demo", by=school.caller("ida"), stores=stores
    )
    secret = invite("ann", stores=stores).secret
    sessions, tokens = {}, {}
    for login in PEOPLE:
        tokens[login] = make_token(login, label="test", stores=stores).secret
        with stores.storage.writing() as tx:
            person = tx.people.find_by_login(login)
            sessions[login] = start_session(tx, person, lifetimes=SessionLifetimes(), at=stores.clock.now()).secret
    stores.storage.close()
    names = {
        "course": "demo",
        "slug": "tiny",
        "assignment": "tiny",
        "question": "q2",
        "submission_id": submission.submission_id,
        "regrade_id": regrade.regrade_id,
        "request_id": waiting.request.request_id,
        "person": submission.person_id,
        "secret": secret,
        "version": school.loaded.version,
        "file_format": "csv",
        "kept": "executed",
        "number": 2,
        "name": "cell-2-output-1",
        "digest": hashlib.sha256(PICTURE).hexdigest()[:32],
    }
    return Town(folder, names, sessions, tokens)


def open_town(folder):
    """The school in this folder, and the services of its web process."""
    school = School.open(folder)
    school.loaded = Graded()

    def read_assignment(files, slug):
        return school.loaded if slug == "tiny" else parse(Bundle(slug=slug, files=files))

    return school, Services(
        stores=school.stores,
        intake=replace(school.intake, read_notebook=read),
        assignments=StoredAssignments(stores=school.stores, reader=read_assignment),
        max_upload_bytes=1 << 20,
    )
