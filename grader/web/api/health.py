"""/healthz and /readyz: is the process alive, and can it do its work?"""

from http import HTTPStatus

from fastapi import APIRouter, Response

from grader.flow.progress import read_readiness
from grader.web.access import AppServices
from grader.web.api.schemas import ReadinessOut, WorkerOut
from grader.web.language import RequestLanguage
from grader.web.readiness import tell_missing, tell_reason

router = APIRouter(tags=["health"])


@router.head("/healthz", include_in_schema=False)
@router.get("/healthz")
def healthz() -> dict[str, str]:
    """The web process answers."""
    return {"status": "ok"}


@router.get("/readyz", responses={503: {"model": ReadinessOut}})
def readyz(services: AppServices, language: RequestLanguage, response: Response) -> ReadinessOut:
    """The database answers and a worker can grade; 503 names what is missing. Uploads are accepted either way."""
    readiness = read_readiness(stores=services.stores)
    missing = tell_missing(readiness, language)
    if not readiness.can_grade:
        response.status_code = HTTPStatus.SERVICE_UNAVAILABLE
    return ReadinessOut(
        ready=readiness.can_grade,
        missing=missing,
        workers=[
            WorkerOut(
                worker=worker.worker,
                sandbox=worker.sandbox.value,
                reason=None if worker.reason is None else tell_reason(worker.reason, language),
                gpu=worker.gpu,
            )
            for worker in readiness.workers
        ],
        waiting=readiness.queue.waiting,
        leased=readiness.queue.leased,
    )
