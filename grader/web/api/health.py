"""/healthz and /readyz: is the process alive, and can it do its work?"""

from http import HTTPStatus

from fastapi import APIRouter, Response

from grader.domain.publishing import VersionState
from grader.domain.text import Language, Note
from grader.feedback.catalogue import sentence
from grader.flow.progress import Readiness, read_readiness
from grader.web.access import AppServices
from grader.web.api.schemas import ReadinessOut, WorkerOut
from grader.web.language import RequestLanguage

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
    missing = [_spell(note, language) for note in _missing(readiness, language)]
    if not readiness.can_grade:
        response.status_code = HTTPStatus.SERVICE_UNAVAILABLE
    return ReadinessOut(
        ready=readiness.can_grade,
        missing=missing,
        workers=[
            WorkerOut(
                worker=worker.worker,
                sandbox=worker.sandbox.value,
                reason=None if worker.reason is None else _spell(worker.reason, language),
                gpu=worker.gpu,
            )
            for worker in readiness.workers
        ],
        waiting=readiness.queue.waiting,
        leased=readiness.queue.leased,
    )


def _missing(readiness: Readiness, language: Language) -> list[Note]:
    notes = list(readiness.reasons)
    for version in readiness.ungradable:
        if version.state is VersionState.FAILED:
            findings = [sentence(finding, language) for finding in version.findings]
            notes.append(Note(code="ready.version_failed", facts={"slug": version.slug, "findings": list(findings)}))
        else:
            notes.append(Note(code="ready.version_unproved", facts={"slug": version.slug}))
    return notes


def _spell(note: Note, language: Language) -> str:
    """A reason in the reader's language; what the canary could do is named in it too."""
    lines = note.facts.get("lines")
    if not isinstance(lines, list):
        return sentence(note, language)
    named = [sentence(Note(code=f"canary.{line}"), language) for line in lines]
    return sentence(Note(code=note.code, facts={**note.facts, "lines": list(named)}), language)
