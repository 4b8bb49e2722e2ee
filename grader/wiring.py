"""Settings -> engine, stores, queue, sandbox, app, worker: the one place that knows all sides."""

import gc
import logging
import os
import secrets
import socket
import sqlite3
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import structlog
from pydantic import ValidationError
from sqlalchemy.exc import DBAPIError

from grader.catalog import Bundle, Loaded, bundled, parse, read_bundle
from grader.domain.accounts import SessionLifetimes
from grader.domain.cage import CageLine, Checkup, LineState
from grader.domain.device import WITH_GPU, WITHOUT_GPU, Device
from grader.domain.publishing import Dates
from grader.domain.text import Note
from grader.errors import (
    Conflict,
    DataUnusable,
    GpuUnavailable,
    InvalidRequest,
    InvalidSettings,
    NotFound,
    OperatorCanFix,
)
from grader.flow.accounts import invite
from grader.flow.assignments import StoredAssignments
from grader.flow.people import add_course, ensure_admin
from grader.flow.ports import Stores
from grader.flow.publish import offer, publish
from grader.flow.submit import Intake
from grader.notebook.read import ReadLimits, read
from grader.queue.local import LocalQueue
from grader.sandbox import wire
from grader.settings import Settings
from grader.storage.blobs import FolderBlobs
from grader.storage.database import Database
from grader.storage.engine import open_engine
from grader.storage.migrate import migrate

if TYPE_CHECKING:
    from grader.sandbox.gpu.gpu import Gpu
    from grader.sandbox.runner import SandboxRunner

DEMO_COURSE = "demo"
DEMO_ASSIGNMENT = "torch-tensor"
_ADMIN = "admin"
_SECRET_BYTES = 32


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)


@dataclass(frozen=True, kw_only=True)
class FirstStart:
    """What only the first start on a data folder gives, shown once: the admin's token, and the secret of a link."""

    admin_token: str | None
    admin_invitation: str | None


def read_settings() -> Settings:
    """The settings of this process.

    Raises:
        InvalidSettings: naming each variable that is wrong.
    """
    try:
        return Settings()
    except ValidationError as error:
        wrong = [f"GRADER_{str(entry['loc'][0]).upper()}: {entry['msg']}" for entry in error.errors()]
        raise InvalidSettings(what="; ".join(wrong)) from error


def configure_logging(settings: Settings) -> None:
    """One JSON object a line on standard error."""
    level = logging.getLevelNamesMapping().get(settings.log_level.upper(), logging.INFO)
    logging.basicConfig(level=logging.WARNING)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )


def read_limits(settings: Settings) -> ReadLimits:
    """What an uploaded file may be."""
    return ReadLimits(
        max_bytes=settings.max_upload_bytes,
        max_cells=settings.max_cells,
        max_containers=settings.max_containers,
        max_depth=settings.max_nesting,
    )


def read_files(assignment: str) -> Bundle:
    """The files of a bundled assignment by its short name, or of a folder.

    Raises:
        NotFound: neither a bundled assignment nor a folder.
        InvalidAssignment: files that cannot be read.
    """
    known = bundled()
    folder = known.get(assignment, Path(assignment))
    if not folder.is_dir():
        raise NotFound(what="assignment", name=assignment)
    return read_bundle(folder)


def parse_files(files: Mapping[str, bytes], slug: str) -> Loaded:
    """An assignment from its files, wherever they are kept.

    Raises:
        InvalidAssignment: with every mistake.
    """
    return parse(Bundle(slug=slug, files=files))


def load_assignment(assignment: str) -> Loaded:
    """The same, parsed.

    Raises:
        InvalidAssignment: with every mistake.
    """
    return parse(read_files(assignment))


def make_data_folder(settings: Settings) -> None:
    """Make the data folder and an empty database file where there is none, for the service's user alone.

    Raises:
        InvalidSettings: they cannot be made there.
    """
    try:
        settings.data_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        # SQLite gives its other files the permissions of this one.
        os.close(os.open(settings.database_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise InvalidSettings(what=f"GRADER_DATA_FOLDER: {settings.data_folder}: {error.strerror}") from error


@contextmanager
def open_stores(settings: Settings) -> Iterator[Stores]:
    """The database, the files and the queue; the database is brought up to date first.

    Raises:
        DataUnusable: what is there is no database of ours, or cannot be read or written.
    """
    make_data_folder(settings)
    clock = SystemClock()
    try:
        migrate(settings.database_path, copies=settings.backups_folder, at=clock.now())
        database = Database(open_engine(settings.database_path))
        try:
            yield Stores(
                storage=database,
                blobs=FolderBlobs(settings.blobs_folder),
                queue=LocalQueue(now=clock.now, lease_s=settings.lease_s),
                clock=clock,
            )
        finally:
            database.close()
    except (DBAPIError, sqlite3.Error) as error:
        reason = str(error.orig) if isinstance(error, DBAPIError) else str(error)
        raise DataUnusable(folder=str(settings.data_folder), reason=reason) from error


def stored_assignments(stores: Stores) -> StoredAssignments:
    """Published versions, parsed when they are first asked for."""
    return StoredAssignments(stores=stores, reader=parse_files)


def draw_key(settings: Settings) -> bytes:
    """The secret that picks hidden inputs; made at the first start, readable by its owner only."""
    path = settings.draw_key_path
    if not path.exists():
        make_data_folder(settings)
        # Written beside and linked: of two processes that start together one wins, and both read the same whole key.
        beside = path.with_name(f".{path.name}.{os.getpid()}")
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(secrets.token_bytes(_SECRET_BYTES))
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(beside, path)
        beside.unlink()
    key = path.read_bytes()
    if len(key) < _SECRET_BYTES:
        # Anyone could tell which hidden inputs a short key picks.
        raise DataUnusable(folder=str(settings.data_folder), reason=f"{path.name} is damaged; restore or remove it")
    return key


def prepare(settings: Settings) -> FirstStart:
    """Make the data folder ready to serve: secrets, database, bundled assignments, the demo course, an admin."""
    draw_key(settings)
    with open_stores(settings) as stores:
        chosen = _choose_bundled(settings.bundled)
        for folder in chosen.values():
            bundle = read_bundle(folder)
            publish(parse(bundle), files=bundle.files, stores=stores)
        with stores.storage.reading() as tx:
            is_first = not tx.people.has_admin()
        if is_first and settings.demo:
            _create_demo_course(chosen, stores=stores)
        # Last, so that a start which was cut off before is a first start again and shows its token.
        issued = ensure_admin(login=_ADMIN, stores=stores) if is_first else None
        invited = None if issued is None else invite(_ADMIN, stores=stores)
    return FirstStart(
        admin_token=None if issued is None else issued.secret,
        admin_invitation=None if invited is None else invited.secret,
    )


def invitation_link(secret: str, *, settings: Settings, listens_on: tuple[str, int] | None = None) -> str:
    """Where the person whom it is for chooses a password.

    Args:
        listens_on: host and port, where the service has been given them already.
    """
    return f"{settings.public_origin or local_url(listens_on or (settings.host, settings.port))}/invitation/{secret}"


def local_url(address: tuple[str, int]) -> str:
    """The address that a service on this host and port has."""
    host, port = address
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _choose_bundled(wanted: str) -> Mapping[str, Path]:
    """The bundled assignments that the setting names, homework 8 first: workers prove them in this order.

    Raises:
        InvalidSettings: one of them is not bundled.
    """
    known = bundled()
    names = list(known) if wanted.strip() == "all" else [name.strip() for name in wanted.split(",") if name.strip()]
    unknown = [name for name in names if name not in known]
    if unknown:
        raise InvalidSettings(what=f"GRADER_BUNDLED: {', '.join(unknown)}")
    return {name: known[name] for name in sorted(names, key=lambda name: (name != DEMO_ASSIGNMENT, name))}


def _create_demo_course(slugs: Iterable[str], *, stores: Stores) -> None:
    with suppress(Conflict):
        add_course(DEMO_COURSE, title="デモ / Demo", stores=stores)
    for slug in slugs:
        with suppress(Conflict):
            offer(slug, course=DEMO_COURSE, stores=stores)


def parse_dates(
    course: str,
    stores: Stores,
    *,
    opens: str | None,
    due: str | None,
    closes: str | None,
    feedback: str | None,
) -> Dates:
    """Dates as an instructor types them, in the course's time zone.

    Raises:
        InvalidRequest: not a date.
        NotFound: no such course.
    """
    with stores.storage.reading() as tx:
        found = tx.courses.find_by_slug(course)
    zone = ZoneInfo(found.time_zone) if found else ZoneInfo("UTC")
    when = partial(_parse_date, zone=zone)
    return Dates(
        opens_at=when("--opens", opens),
        due_at=when("--due", due),
        closes_at=when("--closes", closes),
        feedback_at=when("--feedback", feedback),
    )


def _parse_date(option: str, text: str | None, *, zone: ZoneInfo) -> datetime | None:
    if text is None:
        return None
    try:
        local = datetime.fromisoformat(text)
        return (local if local.tzinfo else local.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise InvalidRequest(what=option, value=text) from error


def find_gpus(settings: Settings) -> "tuple[Gpu, ...]":
    """The GPUs that are to be used here, looked at without CUDA; none where there is no driver.

    Raises:
        GpuUnavailable: the settings name one that is not here.
    """
    from grader.sandbox.gpu.choose import NONE, choose_cards
    from grader.sandbox.gpu.gpu import Gpu
    from grader.sandbox.gpu.nvml import DriverNvml, NvmlTrouble

    if settings.gpus.strip() == NONE:
        return ()
    try:
        nvml = DriverNvml()
        cards = nvml.list_cards()
    except NvmlTrouble:
        choose_cards((), wanted=settings.gpus)  # one that is named is missed, though
        return ()
    return tuple(Gpu(card, nvml=nvml, slots=settings.gpu_slots) for card in choose_cards(cards, wanted=settings.gpus))


def find_gpu(settings: Settings, *, uuid: str | None = None) -> "Gpu":
    """One of them: the first, or the one with this UUID.

    Raises:
        GpuUnavailable: it is not here.
    """
    found = next((gpu for gpu in find_gpus(settings) if uuid in (None, gpu.card.uuid)), None)
    if found is not None:
        return found
    if uuid is None:
        raise GpuUnavailable("none")
    raise GpuUnavailable("not_found", gpu=uuid)


@contextmanager
def open_runner(
    settings: Settings,
    *,
    slots: int = 1,
    ready: int = 0,
    device: Device = Device.CPU,
    gpu: "Gpu | None" = None,
) -> "Iterator[SandboxRunner]":
    """The sandbox, started when it is first needed; as many threads may run notebooks in it as it has slots.

    So many kernels are forked ahead as are to be `ready`, which is worth it for one who runs notebook after notebook.
    What is meant for CUDA gets the first GPU where none is given; with a GPU there is one slot.

    Raises:
        GpuUnavailable: there is no GPU.
        SandboxUnavailable: from its first use, naming what is missing.
    """
    if device is Device.CUDA and gpu is None:
        gpu = find_gpu(settings)
    # nbclient takes a while to import, and most commands and the web process run no kernel.
    from grader.sandbox.runner import SandboxRunner

    runner = SandboxRunner(
        settings.kernel_python, slots=1 if gpu else slots, ready=ready, preloaded=settings.preloaded, gpu=gpu
    )
    try:
        yield runner
    finally:
        runner.close()


def examine(settings: Settings) -> Checkup:
    """Look at all that grading needs here, and send the canary into a kernel; no database is needed."""
    from grader.sandbox import machine
    from grader.sandbox.canary.cage import Canary, unanswered_lines

    needed = machine.examine(machine.Machine(), kernel_python=settings.kernel_python)
    data_folder = machine.examine_data_folder(settings.data_folder, minimum_free_share=settings.min_free_share)
    with open_runner(settings) as runner:
        canary = Canary(runner, kernel_python=settings.kernel_python)
        try:
            lines = canary.try_cage()
        except OperatorCanFix as error:
            cure = Note(code="doctor.cure_kernels")
            found = str(error.facts.get("what", error))
            kernels = CageLine(name="kernels", state=LineState.NOT_OK, found=found, cure=cure)
            lines = unanswered_lines()
        else:
            kernels = CageLine(name="kernels", state=LineState.OK, found=runner.environment[:12])
    gpus = _examine_gpus(settings)
    return Checkup(machine=(*needed, data_folder, kernels, *gpus), canary=lines, needed=(data_folder, kernels))


def _examine_gpus(settings: Settings) -> tuple[CageLine, ...]:
    """A line for each GPU that is to be used: notebooks are graded without one too."""
    from grader.sandbox.canary.gpu import examine_gpu

    try:
        gpus = find_gpus(settings)
    except GpuUnavailable as error:
        return (CageLine(name="gpu", state=LineState.NOT_OK, found=settings.gpus, cure=error.note),)
    lines = tuple(examine_gpu(gpu, kernel_python=settings.kernel_python) for gpu in gpus)
    return lines or (CageLine(name="gpu", state=LineState.OK, found="-"),)


def run_worker(settings: Settings, *, stop: threading.Event, gpu_uuid: str | None = None) -> None:
    """Work until told to stop, on the CPU or on one GPU.

    Raises:
        GpuUnavailable: the GPU is not here.
    """
    from grader.flow.grade import Bench
    from grader.flow.proofs import Proofs, Prover
    from grader.flow.watch import CageWatch
    from grader.sandbox.canary.cage import Canary
    from grader.sandbox.canary.gpu import GpuTrial
    from grader.worker import Pace, Worker

    secret = draw_key(settings)
    gpu = None if gpu_uuid is None else find_gpu(settings, uuid=gpu_uuid)
    with open_stores(settings) as stores, open_runner(settings, ready=settings.ready_kernels, gpu=gpu) as runner:
        assignments = stored_assignments(stores)
        prover = Prover(stores=stores, assignments=assignments, runner=runner, codec=wire, secret=secret)
        bench = Bench(
            stores=stores,
            assignments=assignments,
            proofs=Proofs(prover),
            runner=runner,
            codec=wire,
            read_notebook=partial(read, limits=read_limits(settings)),
            secret=secret,
            devices=WITHOUT_GPU if gpu is None else WITH_GPU,
            max_attempts=settings.max_attempts,
        )
        canary = Canary(runner, kernel_python=settings.kernel_python)
        watch = CageWatch(
            canary if gpu is None else GpuTrial(canary, runner=runner, gpu=gpu),
            runner=runner,
            clock=stores.clock,
            every_s=settings.canary_every_s,
        )
        _settle_in()
        name, pace = f"{socket.gethostname()}:{os.getpid()}", Pace(keep_s=settings.lease_s / 4)
        gpu_name = None if gpu is None else gpu.card.name
        Worker(name, bench=bench, watch=watch, abort=runner.abort, pace=pace, gpu=gpu_name).run(stop)


def _settle_in() -> None:
    """Spare the garbage collector what stays for good: looking through it again costs milliseconds a submission."""
    gc.collect()
    gc.freeze()


def run_web(settings: Settings, *, fd: int | None) -> int:
    """Serve HTTP until told to stop; the exit status."""
    import uvicorn

    from grader.web.app import create_app
    from grader.web.services import Services

    with open_stores(settings) as stores:
        blobs = FolderBlobs(settings.blobs_folder)
        intake = Intake(
            stores=stores,
            read_notebook=partial(read, limits=read_limits(settings)),
            free_share=blobs.free_share,
            minimum_free_share=settings.min_free_share,
        )
        services = Services(
            stores=stores,
            intake=intake,
            assignments=stored_assignments(stores),
            max_upload_bytes=settings.max_upload_bytes,
            session_lifetimes=SessionLifetimes(idle_s=settings.session_idle_s, total_s=settings.session_total_s),
            public_url=settings.public_origin,
        )
        server = uvicorn.Server(
            uvicorn.Config(
                create_app(services),
                host=settings.host,
                port=settings.port,
                fd=fd,
                log_level="warning",
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=3,
            )
        )
        _settle_in()
        server.run()
        return 0 if server.started else 1
