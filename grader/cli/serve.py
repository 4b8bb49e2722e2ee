"""`grader serve`, `grader worker` and `grader web`: the service and its processes."""

import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import Annotated

import typer

from grader.cli.language import default_language
from grader.domain.text import Note
from grader.feedback.catalogue import sentence
from grader.settings import Settings
from grader.supervisor import Child, DataFolderLock, Supervisor, follow_lifeline, listen
from grader.wiring import configuration, data_folder, first_start, kernels, processes


def serve() -> None:
    """Run the service here: one web process and its workers, restarted when they die, stopped together.

    Migrates the database (after copying it), publishes the bundled assignments and creates the demo course. Settings
    are environment variables, see docs/reference/settings.md.
    """
    settings = configuration.read_settings()
    configuration.configure_logging(settings)
    data_folder.make_data_folder(settings)
    with DataFolderLock(settings.data_folder), listen(settings.host, settings.port) as listener:
        issued = first_start.prepare(settings)
        host, port = listener.getsockname()[:2]
        children = [Child(name="web", arguments=("web", "--fd", str(listener.fileno())), fds=(listener.fileno(),))]
        supervisor = Supervisor([*children, *list_workers(settings)], shutdown_s=settings.shutdown_s)
        _on_stop_signal(supervisor.stop)
        language = default_language()
        lines = [sentence(Note(code="cli.serving", facts={"url": configuration.local_url((host, port))}), language)]
        if issued.admin_token is not None:
            lines.append(sentence(Note(code="cli.admin_token", facts={"token": issued.admin_token}), language))
        if issued.admin_invitation is not None:
            link = configuration.invitation_link(issued.admin_invitation, settings=settings, listens_on=(host, port))
            lines.append(sentence(Note(code="cli.admin_link", facts={"link": link}), language))
        supervisor.run(on_started=lambda: print("\n".join(lines), flush=True))


def list_workers(settings: Settings) -> list[Child]:
    """Those that work on the CPU, and those of each GPU. Raises GpuUnavailable."""
    workers = [Child(name=f"worker-{n}", arguments=("worker",)) for n in range(1, settings.workers + 1)]
    return workers + [
        Child(name=f"worker-gpu-{gpu.card.minor}-{n}", arguments=("worker", "--gpu", gpu.card.uuid))
        for gpu in kernels.find_gpus(settings)
        for n in range(1, settings.gpu_slots + 1)
    ]


def worker(
    gpu: Annotated[str | None, typer.Option(help="UUID of the GPU that its kernels may use.")] = None,
) -> None:
    """Run one worker: claim submissions and grade them, one at a time, until SIGTERM."""
    settings = configuration.read_settings()
    configuration.configure_logging(settings)
    stop = threading.Event()
    _on_stop_signal(stop.set)
    follow_lifeline()
    processes.run_worker(settings, stop=stop, gpu_uuid=gpu)


def web(
    fd: Annotated[int | None, typer.Option(help="Serve on this inherited listening socket.")] = None,
) -> None:
    """Run the web process alone (`serve` does)."""
    settings = configuration.read_settings()
    configuration.configure_logging(settings)
    follow_lifeline()
    sys.exit(processes.run_web(settings, fd=fd))


def _on_stop_signal(stop: Callable[[], None]) -> None:
    def handle(_number: int, _frame: FrameType | None) -> None:
        stop()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, handle)
