"""A small school on a real database: a course with people, one tiny assignment, and everything to hand it in."""

import json
import shutil
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from doubles import NOON, FakeCanary, FakeRunner, FixedClock

from grader.domain.assignment import Assignment, Check, Question, RubricItem
from grader.domain.device import Device
from grader.domain.ids import CheckId, QuestionId, VersionHash
from grader.domain.location import Wanted
from grader.domain.notebook import Cell, CellKind, Notebook
from grader.domain.people import Role
from grader.domain.probe import TakeNames
from grader.domain.publishing import Dates
from grader.domain.result import Finding, Verdict
from grader.domain.text import Language, Text
from grader.errors import NotebookRefused
from grader.flow import people
from grader.flow.assignments import StoredAssignments
from grader.flow.ports import Stores
from grader.flow.publish import offer, publish
from grader.flow.submit import Intake, Upload, submit
from grader.queue.local import LocalQueue
from grader.storage.blobs import FolderBlobs
from grader.storage.database import Database
from grader.storage.engine import open_engine
from grader.storage.migrate import migrate

VERSION = VersionHash("a" * 64)


@dataclass(frozen=True, kw_only=True)
class NameLogic:
    """Asks for one variable and compares it with the reference's."""

    name: str
    kind: str = "value"
    has_hidden_inputs: bool = False
    verdict: Verdict | None = None
    reference_names: tuple[str, ...] = ()
    budget_s: float | None = None
    is_self_contained: bool = False
    noise: float | None = None
    widens_for_noise: bool = False

    @property
    def answer_names(self):
        return (self.name,)

    @property
    def answer_patterns(self):
        return ()

    def draw_inputs(self, seed):
        return ()

    def probes(self, *, source, notebook_source, inputs):
        return (TakeNames(key="names", names=(self.name,)),)

    def overshoot(self, *, actual, expected):
        return self.noise

    def evaluate(self, *, actual, expected):
        if self.verdict is not None:
            return Finding(verdict=self.verdict, code=f"check.{self.verdict.value}")
        ours, theirs = (side.replies["names"].values.get(self.name) for side in (expected, actual))
        if theirs is None:
            return Finding(verdict=Verdict.MISSING, code="value.missing", facts={"name": self.name})
        if ours == theirs:
            return Finding(verdict=Verdict.PASSED, code="value.passed")
        return Finding(verdict=Verdict.FAILED, code="value.differs", facts={"actual": theirs.value, "gap": "inf"})


@dataclass(frozen=True, kw_only=True)
class WrittenLogic(NameLogic):
    kind: str = "written"
    name: str = ""

    @property
    def answer_names(self):
        return ()

    def probes(self, *, source, notebook_source, inputs):
        return ()

    def evaluate(self, *, actual, expected):
        return Finding(verdict=Verdict.NEEDS_REVIEW, code="written.waits")


@dataclass(frozen=True, kw_only=True)
class TinyLoaded:
    """Two questions: `x = 3` for 10 points and `y = 4` for 5, with 5 more for words."""

    version: VersionHash = VERSION
    slug: str = "tiny"
    first: NameLogic = field(default_factory=lambda: NameLogic(name="x"))
    rubric: tuple[RubricItem, ...] = ()
    """Of the words; they are worth 5 points without one."""
    reference_x: int = 3
    device: Device = Device.CPU

    @property
    def assignment(self):
        questions = (
            _question(1, _check("value", self.first, points=10)),
            _question(
                2,
                _check("value", NameLogic(name="y"), points=5),
                _check(
                    "words",
                    WrittenLogic(),
                    points=sum(item.points for item in self.rubric) if self.rubric else 5,
                    rubric=self.rubric,
                ),
            ),
        )
        title = Text(ja="小さな課題", en="Tiny")
        return Assignment(slug=self.slug, title=title, version=self.version, questions=questions, device=self.device)

    @property
    def reference(self):
        return read_tiny(notebook_bytes(x=self.reference_x, y=4))

    @property
    def wanted(self):
        return tuple(
            Wanted(question_id=QuestionId(f"q{number}"), number=number, names=(name,))
            for number, name in ((1, "x"), (2, "y"))
        )

    @property
    def prompt_expressions(self):
        return {}

    languages: tuple[Language, ...] = tuple(Language)
    accepted: dict = field(default_factory=dict)


def _check(check_id, logic, *, points, rubric=()):
    return Check(check_id=CheckId(check_id), logic=logic, points=points, rubric=rubric)


def _question(number, *checks):
    text = Text(ja=f"問題{number}", en=f"Question {number}")
    return Question(question_id=QuestionId(f"q{number}"), number=number, title=text, prompt=text, checks=checks)


def notebook_bytes(*, words="It is four.", **values):
    """A notebook that answers question n with its n-th variable; `words` stand under question 2."""
    cells = []
    for number, (name, value) in enumerate(values.items(), start=1):
        cells.append({"cell_type": "markdown", "source": f"## 問題{number}"})
        cells.append({"cell_type": "code", "source": f"{name} = {value!r}"})
    cells.append({"cell_type": "markdown", "source": words})
    return json.dumps({"cells": cells, "nbformat": 4, "nbformat_minor": 5, "metadata": {}}).encode()


def read_tiny(data):
    """Just enough of notebook.read for notebooks made by `notebook_bytes`."""
    try:
        cells = json.loads(data)["cells"]
    except (ValueError, KeyError) as error:
        raise NotebookRefused("not_json") from error
    return Notebook(
        cells=tuple(
            Cell(index=index, kind=CellKind(cell["cell_type"]), source=cell["source"], cell_id=str(index))
            for index, cell in enumerate(cells)
        )
    )


def new_database(path: Path):
    """A migrated database."""
    migrate(path, copies=path.parent / "copies", at=NOON)
    return Database(open_engine(path))


@dataclass(kw_only=True)
class School:
    """Course 'demo' with students ann and bob, the TA tom, the instructor ida; and the admin eve."""

    stores: Stores
    clock: FixedClock
    loaded: TinyLoaded = field(default_factory=TinyLoaded)
    editions: dict = field(default_factory=dict)
    """What `assignment.yaml` of these bytes reads as; `loaded` for all others."""
    secrets: dict = field(default_factory=dict)
    free_share: float = 0.5

    @classmethod
    def open(cls, folder: Path, *, template: Path | None = None, clock=None, lease_s: float = 15):
        """The school on its own files: what is there, a copy of the `template`, or a new one without an offering."""
        if template is not None:
            shutil.copytree(template, folder, dirs_exist_ok=True)
        is_new = not (folder / "grader.sqlite3").exists()
        clock = clock or FixedClock()
        stores = Stores(
            storage=new_database(folder / "grader.sqlite3"),
            blobs=FolderBlobs(folder / "blobs"),
            queue=LocalQueue(now=clock.now, lease_s=lease_s),
            clock=clock,
        )
        school = cls(stores=stores, clock=clock)
        if is_new:
            school._enrol()
        return school

    def _enrol(self):
        people.create_person("eve", name="Eve", stores=self.stores, is_admin=True)
        people.add_course("demo", title="Demo", stores=self.stores)
        for login, role in (
            ("ann", Role.STUDENT),
            ("bob", Role.STUDENT),
            ("tom", Role.TA),
            ("ida", Role.INSTRUCTOR),
        ):
            people.add_member(people.NewMember(login=login, name=login, role=role), course="demo", stores=self.stores)

    def offer(self, **dates):
        publish(self.loaded, files={"assignment.yaml": b"tiny"}, stores=self.stores)
        return offer(self.loaded.slug, course="demo", stores=self.stores, dates=Dates(**dates))

    def caller(self, login):
        if login not in self.secrets:
            self.secrets[login] = people.make_token(login, label="test", stores=self.stores).secret
        return people.authenticate(self.secrets[login], stores=self.stores)

    @property
    def assignments(self):
        return StoredAssignments(stores=self.stores, reader=self._read)

    def _read(self, files, slug):
        return self.editions.get(files["assignment.yaml"], self.loaded)

    @property
    def intake(self):
        return Intake(stores=self.stores, read_notebook=read_tiny, free_share=lambda: self.free_share)

    def submit(self, login="ann", data=None, *, seconds=0, file_name="hw.ipynb"):
        """Hand in, `seconds` after now."""
        upload = Upload(
            data=notebook_bytes(x=3, y=4) if data is None else data,
            file_name=file_name,
            course="demo",
            assignment=self.loaded.slug,
            received_at=self.clock.now() + timedelta(seconds=seconds),
        )
        return submit(upload, caller=self.caller(login), intake=self.intake)

    def bench(self, *, runner=None, max_attempts=3):
        from grader.flow.grade import Bench
        from grader.flow.proofs import Proofs, Prover
        from grader.sandbox import wire

        runner = runner or FakeRunner()
        assignments = self.assignments
        prover = Prover(stores=self.stores, assignments=assignments, runner=runner, codec=wire, secret=b"secret")
        return Bench(
            stores=self.stores,
            assignments=assignments,
            proofs=Proofs(prover),
            runner=runner,
            codec=wire,
            read_notebook=read_tiny,
            secret=b"secret",
            max_attempts=max_attempts,
        )

    def watch(self, runner, *, canary=None, every_s=3600.0):
        from grader.flow.watch import CageWatch

        return CageWatch(canary or FakeCanary(), runner=runner, clock=self.stores.clock, every_s=every_s)

    def work_off(self, bench=None):
        """Do all jobs that are due, as a worker would; returns how many."""
        from grader.domain.jobs import JobKind
        from grader.flow.grade import claim_next, work

        bench = bench or self.bench()
        done = 0
        while claim := claim_next(worker="w", kinds=tuple(JobKind), bench=bench):
            work(claim, bench=bench)
            done += 1
        return done
