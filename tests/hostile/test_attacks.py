"""Each attack of the catalogue runs beside a victim: it ends as it must, and nobody else notices."""

import secrets
import tempfile
from pathlib import Path

import pytest
from victim import Victim

from grader.domain.execution import QuestionPlan
from grader.domain.ids import QuestionId
from grader.domain.probe import TakeNames
from grader.sandbox.box import Proc
from grader.sandbox.runner import SandboxRunner
from tests.hostile.attack import Attack, read_attacks
from tests.hostile.conftest import notebook_of
from tests.hostile.judge import FOLLOWING, Case, MemoryPeak, complaints, look

ATTACKS = list(read_attacks())


@pytest.fixture
def secret(monkeypatch: pytest.MonkeyPatch) -> str:
    secret = f"grader-{secrets.token_hex(16)}"
    monkeypatch.setenv("GRADER_SECRET", secret)
    return secret


@pytest.mark.usefixtures("warm")
@pytest.mark.parametrize("attack", [pytest.param(attack, id=f"{kind}: {attack.name}") for kind, attack in ATTACKS])
def test_attack_ends_as_it_must_and_nobody_else_notices(
    attack: Attack,
    sandbox_runner: SandboxRunner,
    victim: Victim,
    secret: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    probes = tuple(TakeNames(key=f"k{n}", names=("x",)) for n in range(attack.probes))
    plan = [QuestionPlan(question_id=QuestionId("q"), code_cells=(0,), probes=probes)]
    before, memory = look(tmp_path), MemoryPeak()

    execution = sandbox_runner.run(notebook_of(attack.code, attack.then), plan=plan, limits=attack.limits)

    growth_bytes = memory.growth_bytes
    following = sandbox_runner.run(notebook_of(FOLLOWING), plan=[], limits=attack.limits)
    case = Case(
        attack=attack,
        execution=execution,
        before=before,
        after=look(tmp_path),
        growth_bytes=growth_bytes,
        victim=victim.complaint(),
        following=following,
        secrets=(secret, victim.secret),
        has_proc=sandbox_runner._box.proc is Proc.OWN,
    )
    assert complaints(case) == []


MEET_IT = """
socket.socket(socket.AF_UNIX).connect('\\0victim')
for _ in range(500): visitors or time.sleep(0.01)
"""


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("open('/tmp/victim', 'w').write('x')", id="a file"),
        pytest.param("secret = 'x'", id="its memory"),
        pytest.param(MEET_IT, id="its socket"),
        pytest.param("os.mkdir('/dev/shm/x')", id="its folders"),
    ],
)
def test_a_victim_notices_what_is_done_to_it(source: str, sandbox_runner: SandboxRunner) -> None:
    victim = Victim(sandbox_runner)

    victim.ask(f"import time\n{source}")
    complaint = victim.complaint()

    victim.close()
    assert complaint


def test_no_two_attacks_have_the_same_name() -> None:
    names = [attack.name for _, attack in ATTACKS]

    assert len(set(names)) == len(names)
    assert all(attack.tries.endswith(".") for _, attack in ATTACKS)
