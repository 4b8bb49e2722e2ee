"""The two long-lived processes, put together: a worker, and the web server."""

import gc
import os
import socket
import threading
from functools import partial
from typing import TYPE_CHECKING

from grader.domain.accounts import SessionLifetimes
from grader.domain.device import WITH_GPU, WITHOUT_GPU
from grader.flow.mail_links import Post
from grader.flow.pauses import UploadLimit
from grader.flow.ports import Stores
from grader.flow.submit import Intake
from grader.mail import Security, SmtpMailer
from grader.notebook.read import read
from grader.settings import Settings
from grader.storage.blobs import FolderBlobs
from grader.wiring.configuration import read_limits
from grader.wiring.data_folder import open_stores, stored_assignments
from grader.wiring.kernels import find_gpu, open_runner

if TYPE_CHECKING:
    from grader.web.identity_provider import IdentityProvider


OBJECTS_OF_PAGES = 10_000
"""So many new objects the web process makes before it looks for garbage. A page of a large course makes tens of
thousands that go with it; at Python's 700, every few pages one would wait while all that is kept is looked through."""


def run_worker(settings: Settings, *, stop: threading.Event, gpu_uuid: str | None = None) -> None:
    """Work until told to stop, on the CPU or on one GPU.

    Raises:
        GpuUnavailable: the GPU is not here.
    """
    from grader.flow.watch import CageWatch
    from grader.sandbox.canary.cage import Canary
    from grader.sandbox.canary.gpu import GpuTrial
    from grader.wiring.bench import make_bench
    from grader.worker import Pace, Worker

    gpu = None if gpu_uuid is None else find_gpu(settings, uuid=gpu_uuid)
    with open_stores(settings) as stores, open_runner(settings, ready=settings.ready_kernels, gpu=gpu) as runner:
        bench = make_bench(settings, stores=stores, runner=runner, devices=WITHOUT_GPU if gpu is None else WITH_GPU)
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


def run_web(settings: Settings, *, fd: int | None) -> int:
    """Serve HTTP until told to stop; the exit status."""
    import uvicorn

    from grader.web.app import create_app
    from grader.web.proxies import TrustedProxies
    from grader.web.services import Services

    with open_stores(settings) as stores:
        services = Services(
            stores=stores,
            intake=make_intake(settings, stores=stores),
            assignments=stored_assignments(stores),
            max_upload_bytes=settings.max_upload_bytes,
            session_lifetimes=SessionLifetimes(idle_s=settings.session_idle_s, total_s=settings.session_total_s),
            public_url=settings.public_origin,
            identity_provider=make_identity_provider(settings),
            post=make_post(settings),
        )
        server = uvicorn.Server(
            uvicorn.Config(
                TrustedProxies(create_app(services), networks=settings.proxy_networks),
                # Ours knows networks and hosts, too, and believes nobody whom the settings do not name.
                proxy_headers=False,
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
        gc.set_threshold(OBJECTS_OF_PAGES)
        server.run()
        return 0 if server.started else 1


def make_identity_provider(settings: Settings) -> "IdentityProvider | None":
    """The one that the settings name; None where they name none."""
    if settings.oidc_issuer == "none":
        return None
    # It takes a while to import, and few services have one.
    from grader.web.identity_provider import IdentityProvider

    secret, name = settings.oidc_client_secret, settings.oidc_name
    return IdentityProvider(
        settings.oidc_issuer,
        client_id=settings.oidc_client_id,
        client_secret=None if secret == "none" else secret,  # noqa: S105  # no secret at all
        login=settings.oidc_login,
        name=None if name == "none" else name,
    )


def make_post(settings: Settings) -> Post | None:
    """The mail server that the settings name; None where they name none."""
    if settings.smtp_host == "none":
        return None
    has_user = settings.smtp_user != "none"
    mailer = SmtpMailer(
        settings.smtp_host,
        port=settings.smtp_port,
        security=Security(settings.smtp_security),
        user=settings.smtp_user if has_user else None,
        password=settings.smtp_password if has_user else None,
        sender=settings.mail_from,
    )
    return Post(mailer=mailer, domain=None if settings.mail_domain == "none" else settings.mail_domain)


def make_intake(settings: Settings, *, stores: Stores) -> Intake:
    """What taking uploads needs."""
    return Intake(
        stores=stores,
        read_notebook=partial(read, limits=read_limits(settings)),
        free_share=FolderBlobs(settings.blobs_folder).free_share,
        minimum_free_share=settings.min_free_share,
        most_bytes=settings.max_person_bytes,
        limit=UploadLimit(uploads=settings.uploads_before_pause, window_s=settings.uploads_window_s),
    )


def _settle_in() -> None:
    """Spare the garbage collector what stays for good: looking through it again costs milliseconds a submission."""
    gc.collect()
    gc.freeze()
