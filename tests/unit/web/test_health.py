"""/readyz names in the reader's language why nothing is graded."""

import pytest
from fastapi import Response

from grader.domain.jobs import SandboxState, WorkerHealth
from grader.domain.text import Language, Note
from grader.web.api.health import readyz
from grader.web.services import Services


@pytest.fixture
def ask(school):
    services = Services(
        stores=school.stores, intake=school.intake, assignments=school.assignments, max_upload_bytes=1 << 20
    )

    def ask(state, reason, language):
        health = WorkerHealth(worker="w", seen_at=school.clock.now(), sandbox=state, reason=reason)
        with school.stores.storage.writing() as tx:
            tx.workers.report(health)
        response = Response()
        return readyz(services, language, response), response.status_code

    return ask


@pytest.mark.parametrize(
    ("state", "reason", "words"),
    [
        pytest.param(
            SandboxState.UNSAFE,
            Note(code="ready.sandbox_unsafe", facts={"lines": ["mounts", "sockets"], "found": "x"}),
            {
                Language.EN: "mounting a file system, making network sockets",
                Language.JA: "マウントする、ネットワークの",
            },
            id="the canary got through",
        ),
        pytest.param(
            SandboxState.UNAVAILABLE,
            Note(code="ready.sandbox_unavailable", facts={"what": "no bwrap"}),
            {Language.EN: "no bwrap", Language.JA: "no bwrap"},
            id="no kernel can run",
        ),
        pytest.param(
            SandboxState.STARTING,
            Note(code="ready.environment_changed"),
            {Language.EN: "environment has changed", Language.JA: "環境が変わった"},
            id="another environment",
        ),
    ],
)
@pytest.mark.parametrize("language", Language)
def test_a_worker_that_does_not_grade_says_why(ask, state, reason, words, language):
    told, status = ask(state, reason, language)

    assert (status, told.ready, told.workers[0].sandbox) == (503, False, state.value)
    assert words[language] in told.missing[0]
    assert told.workers[0].reason == told.missing[0]


@pytest.mark.parametrize("language", Language)
def test_a_gpu_that_is_out_of_service_is_named_and_does_not_stop_the_others(ask, school, language):
    reason = Note(code="ready.gpu_memory_held", facts={"gpu": "L4", "mib": 70})
    health = WorkerHealth(
        worker="gpu", seen_at=school.clock.now(), sandbox=SandboxState.UNAVAILABLE, reason=reason, gpu="L4"
    )
    with school.stores.storage.writing() as tx:
        tx.workers.report(health)

    told, status = ask(SandboxState.READY, None, language)

    assert (status, told.ready, [worker.gpu for worker in told.workers]) == (200, True, ["L4", None])
    assert "70 MiB" in told.missing[0]


def test_a_worker_that_grades_gives_no_reason(ask):
    told, status = ask(SandboxState.READY, None, Language.EN)

    assert (status, told.ready, told.workers[0].reason) == (200, True, None)
