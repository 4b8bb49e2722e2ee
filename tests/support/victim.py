"""Another submission's kernel, forked from the same fork server and alive while something is attacked."""

import secrets

from grader.domain.execution import CellRun, Limits
from grader.domain.notebook import Cell, CellKind, Notebook
from grader.sandbox.cells import CellSequence
from grader.sandbox.kernel_client import Kernel
from grader.sandbox.runner import SandboxRunner

_SETTLE_IN = """
import builtins, os, socket, threading
os.environ['VICTIM_SECRET'] = secret = {secret!r}
for place in ('/work/victim', '/tmp/victim', '/dev/shm/victim'):
    open(place, 'w').write(secret)
server = socket.socket(socket.AF_UNIX)
server.bind('\\0victim')
server.listen()
visitors = []
def accept():
    while True:
        visitors.append(server.accept())
threading.Thread(target=accept, daemon=True).start()
"""
_LOOK_AROUND = """
assert not visitors, 'somebody came to my socket'
assert os.environ['VICTIM_SECRET'] == secret == {secret!r}, 'my memory was changed'
assert all(open(place + '/victim').read() == secret for place in ('/work', '/tmp', '/dev/shm')), 'a file was changed'
assert [os.listdir(place) for place in ('/work', '/tmp', '/dev/shm')] == [['victim']] * 3, 'a file came or went'
assert os.getpid() == 1 and builtins.print is print and server.fileno() > 0, 'I am another'
"""


class Victim:
    """Keeps a secret in its environment, its memory, its files and behind an abstract socket."""

    def __init__(self, runner: SandboxRunner) -> None:
        self.secret = f"victim-{secrets.token_hex(16)}"
        self._runner = runner
        self._kernel = runner._call(self._open())
        self.ask(_SETTLE_IN.format(secret=self.secret))

    def complaint(self) -> str:
        """What it has noticed of an attack: nothing, or why it is no longer what it was."""
        run = self._execute(_LOOK_AROUND.format(secret=self.secret))
        return "" if run.state == "ok" else f"{run.state}: {run.error}"

    def ask(self, source: str) -> None:
        run = self._execute(source)
        assert run.state == "ok", run

    def close(self) -> None:
        self._runner._call(self._kernel.close())

    async def _open(self) -> Kernel:
        kernel = Kernel(await self._runner._server.fork(Limits()))
        await kernel.open()
        return kernel

    def _execute(self, source: str) -> CellRun:
        notebook = Notebook(cells=(Cell(index=0, kind=CellKind.CODE, source=source, cell_id="victim"),))

        async def execute() -> CellSequence:
            cells = CellSequence(notebook, kernel=self._kernel, plan=(), limits=Limits())
            await cells.async_execute()
            return cells

        return self._runner._call(execute()).cell_runs[0]
