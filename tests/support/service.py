"""A real service for tests: `grader serve` on a free port, with its own data folder."""

import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import psutil

from grader.domain.people import Role
from grader.flow.people import NewMember, add_member, make_token
from grader.settings import Settings
from grader.wiring import data_folder

START_PATIENCE_S = 180.0
GRADE_PATIENCE_S = 240.0
STOP_PATIENCE_S = 90.0


@dataclass
class Service:
    process: subprocess.Popen
    url: str
    data_folder: Path
    admin_token: str | None
    environment: dict[str, str]
    clients: list["Client"] = field(default_factory=list)

    @property
    def settings(self) -> Settings:
        return Settings(data_folder=self.data_folder)

    def add_member(self, login: str, *, role: Role = Role.STUDENT, course: str = "demo") -> "Client":
        """A member of the course with a token, made as the operator's commands make them."""
        with data_folder.open_stores(self.settings) as stores:
            add_member(NewMember(login=login, name=login, role=role), course=course, stores=stores)
            secret = make_token(login, label="test", stores=stores).secret
        return self.client(secret)

    def client(self, token: str | None, *, language: str = "ja") -> "Client":
        client = Client(self.url, token, language)
        self.clients.append(client)
        return client

    def children(self) -> dict[str, psutil.Process]:
        """The web process and the workers by the last word of their command line."""
        found = {}
        for child in psutil.Process(self.process.pid).children():
            with suppress(psutil.NoSuchProcess):  # it has just ended
                words = child.cmdline()
                if "grader" in words:
                    found.setdefault(words[words.index("grader") + 1], child)
        return found

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(STOP_PATIENCE_S)


class Client(httpx2.Client):
    """An HTTP client that is one person."""

    def __init__(self, url: str, token: str | None, language: str) -> None:
        headers = {"Accept-Language": language}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        super().__init__(base_url=f"{url}/api/v1", headers=headers, timeout=90)

    def hand_in(self, data: bytes, *, name: str = "kadai8.ipynb", course: str = "demo", slug: str = "torch-tensor"):
        return self.post(f"/courses/{course}/assignments/{slug}/submissions", files={"file": (name, data)})

    def wait_for_result(self, submission_id: str, *, patience_s: float = GRADE_PATIENCE_S) -> dict:
        deadline = time.monotonic() + patience_s
        while True:
            answer = self.get(f"/submissions/{submission_id}/result")
            if answer.status_code == 200:
                return answer.json()
            assert answer.status_code == 409, answer.text
            assert time.monotonic() < deadline, f"no result: {answer.text}"
            time.sleep(0.05)


@contextmanager
def running_service(
    data_folder: Path, *, wait_until_ready: bool = True, patience_s: float = START_PATIENCE_S, **settings: str
):
    environment = os.environ | {
        "GRADER_DATA_FOLDER": str(data_folder),
        "GRADER_PORT": "0",
        "LC_ALL": "C.UTF-8",
        # Running every reference at each start would take most of the tests' time.
        "GRADER_BUNDLED": "torch-tensor",
        **settings,
    }
    data_folder.mkdir(parents=True, exist_ok=True)
    is_first = not has_admin(Settings(data_folder=data_folder))
    with (data_folder / "serve.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "grader", "serve"], env=environment, stdout=subprocess.PIPE, stderr=log, text=True
        )
    try:
        first = process.stdout.readline()
        found = re.search(r"http://\S+:\d+", first)
        assert found, (first, (data_folder / "serve.log").read_text()[-3000:])
        service = Service(process, found[0], data_folder, None, environment)
        if is_first:
            token = re.search(r"grd_\S+", process.stdout.readline())
            service.admin_token = token[0] if token else None
        if wait_until_ready:
            wait_until(
                lambda: httpx2.get(f"{service.url}/readyz", timeout=5).json()["missing"] == [],
                service,
                patience_s=patience_s,
            )
        yield service
        for client in service.clients:
            client.close()
    finally:
        if process.poll() is None:
            process.terminate()
        try:
            process.wait(STOP_PATIENCE_S)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
            process.stdout.close()


def has_admin(settings: Settings) -> bool:
    """Only a start without one prints a token."""
    if not settings.database_path.exists():
        return False
    with closing(sqlite3.connect(settings.database_path)) as connection:
        return bool(connection.execute("SELECT count(*) FROM people WHERE is_admin").fetchone()[0])


def wait_until(condition, service: Service, *, patience_s: float = START_PATIENCE_S) -> None:
    deadline = time.monotonic() + patience_s
    while True:
        try:
            if condition():
                return
        except httpx2.TransportError:
            pass
        log = service.data_folder / "serve.log"
        assert time.monotonic() < deadline, log.read_text()[-3000:]
        time.sleep(0.05)
