"""What locks a kernel in, looked at from inside: with a /proc of its own, and without one as in most containers."""

import os
import platform
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from victim import Victim

from grader.domain.execution import CellState, Execution, Limits, Outcome
from grader.sandbox.box import Box, Proc
from grader.sandbox.fork_server import ForkServer
from grader.sandbox.kernel.seccomp import MACHINES
from grader.sandbox.runner import SandboxRunner
from tests.integration.sandbox.conftest import notebook_of
from tests.unit.sandbox import seccomp_policy as policy

CHECKOUT = Path(__file__).parents[3]
SMALL = Limits(outside_s=15.0, total_s=30.0, memory_bytes=256 * 1024**2, processes=32)
LOW = 600
"""Descriptors that a process may have open; kernels have 512."""
LIBC = "import ctypes, os\nlibc = ctypes.CDLL(None, use_errno=True)\n"

Run = Callable[..., Execution]


def runner_with(proc: Proc | None, kernel_python: Path) -> SandboxRunner:
    runner = SandboxRunner(kernel_python)
    runner._box = Box(kernel_python=kernel_python, wanted_proc=proc)
    runner._server = ForkServer(runner._box)
    return runner


@pytest.fixture(scope="module")
def without_proc(kernel_python) -> Iterator[SandboxRunner]:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (LOW, before[1]))
    with runner_with(Proc.EMPTY, kernel_python) as runner:
        yield runner
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.fixture(params=[pytest.param(proc, id=f"{proc} proc") for proc in Proc])
def proc(request) -> Proc:
    return request.param


@pytest.fixture
def run(proc, request) -> Run:
    """Run sources as cells where kernels find this at /proc; every cell must go through unless told otherwise."""
    runner = request.getfixturevalue("sandbox_runner" if proc is Proc.OWN else "without_proc")

    def run(*sources: str, ends: Outcome = Outcome.COMPLETED, limits: Limits = SMALL) -> Execution:
        execution = runner.run(notebook_of(*sources), plan=[], limits=limits)
        said = [(cell.state, cell.error, [output.text[-800:] for output in cell.outputs]) for cell in execution.cells]
        assert execution.outcome is ends, said
        assert ends is not Outcome.COMPLETED or all(cell.state is CellState.OK for cell in execution.cells), said
        return execution

    return run


def test_this_machine_lets_kernels_have_their_own_proc(kernel_python):
    """Where it does not, most tests here say less than they should."""
    assert Box(kernel_python=kernel_python).proc is Proc.OWN


def test_proc_shows_only_the_kernels_own_processes(run, proc):
    listed = "['1']" if proc is Proc.OWN else "[]"

    run(f"import os\nassert [name for name in os.listdir('/proc') if name.isdigit()] == {listed}")


def test_without_a_proc_there_is_nothing_at_all_and_nothing_to_uncover(without_proc):
    look = (
        LIBC + "import stat\n"
        "assert os.listdir('/proc') == [] and os.statvfs('/proc').f_flag & os.ST_RDONLY\n"
        "try: open('/proc/x', 'w')\nexcept OSError: pass\nelse: raise SystemError('written')\n"
        "for flags in (0, 2, 8): assert libc.umount2(b'/proc', flags) == -1 and ctypes.get_errno() == 1\n"
        "open_fds = []\n"
        "for fd in range(512):\n    try: open_fds.append((fd, os.fstat(fd).st_mode))\n    except OSError: pass\n"
        # A descriptor of the host's /proc would be a folder, and one of a file in it would be read from the start.
        "assert [fd for fd, mode in open_fds if stat.S_ISDIR(mode)] == [], open_fds\n"
        "assert [fd for fd, mode in open_fds if stat.S_ISREG(mode)] == [1, 2], open_fds\n"
    )
    execution = without_proc.run(notebook_of(look), plan=[], limits=SMALL)

    assert execution.cells[0].state is CellState.OK, execution.cells[0].outputs


HONEST = [
    "import torch\nx = torch.ones(300, 300, requires_grad=True)\n(x @ x).sum().backward()\nassert x.grad[0, 0] == 600",
    "import torch\nfrom torch.utils.data import DataLoader, TensorDataset\n"
    "loader = DataLoader(TensorDataset(torch.arange(64.)), batch_size=8, num_workers=2)\n"
    "assert sum(batch[0].sum() for batch in loader).item() == 2016",
    "import multiprocessing as mp\n"
    "with mp.get_context('fork').Pool(2) as pool: assert pool.map(abs, [-1, -2]) == [1, 2]",
    "lines = !echo from the shell\nassert lines == ['from the shell'], lines",
    "import subprocess, sys\n"
    "assert subprocess.check_output([sys.executable, '-c', 'print(6 * 7)'], text=True) == '42\\n'",
    "%matplotlib inline\nimport matplotlib.pyplot as plt\nplt.plot([1, 2]); plt.title('図'); plt.show()",
    "%timeit -n 2 -r 2 sum(range(10))\nimport os, threading, tempfile\nassert os.cpu_count() >= 1\n"
    "threading.Thread(target=print).start()\ntempfile.TemporaryFile().write(b'x')",
]


def test_honest_cells_run_with_and_without_a_proc(run):
    run(*HONEST, limits=Limits())


def test_files_in_memory_count_as_memory(run):
    """Each of the two alone is within the limit; together they are not."""
    memory = "held = bytearray(200 << 20)\nfor i in range(0, len(held), 4096): held[i] = 1"
    files = "f = open('/dev/shm/f', 'wb')\nfor i in range(60): f.write(bytes(1 << 20))\nf.flush()"
    beyond = "import time\ntime.sleep(20)"

    run(memory, "del held", files)
    run(files, memory, beyond, ends=Outcome.OUT_OF_MEMORY)


def test_files_that_have_no_name_any_more_count_too(run):
    run(
        "import os\nos.chdir('/tmp')\nf = open('f', 'wb'); os.unlink('f')\n"
        "for i in range(60): f.write(bytes(1 << 20))\nf.flush()\n"
        "held = bytearray(200 << 20)\nfor i in range(0, len(held), 4096): held[i] = 1",
        "import time\ntime.sleep(20)",
        ends=Outcome.OUT_OF_MEMORY,
    )


def test_page_tables_count_as_memory(run):
    """Only looked at, an empty page costs nothing but its place in a table, and each table is a page of its own."""
    run(
        "import mmap, time\nlength = 400 << 30\n"
        "m = mmap.mmap(-1, length, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x4000, prot=mmap.PROT_READ)\n"
        "m.madvise(15)\nfor at in range(0, length, 2 << 20): m[at]\ntime.sleep(20)",
        ends=Outcome.OUT_OF_MEMORY,
    )


def test_what_sockets_hold_counts_as_memory(run):
    run(
        "import os, socket, time\n"
        "for i in range(4):\n    if os.fork() == 0: break\n"
        "held = []\ntry:\n    while True:\n        held += socket.socketpair()\n        held[-1].setblocking(False)\n"
        "        try:\n            while True: held[-1].send(bytes(65536))\n        except BlockingIOError: pass\n"
        "except OSError: time.sleep(20)",
        ends=Outcome.OUT_OF_MEMORY,
    )


def test_descriptors_on_their_way_are_no_burden_to_others(proc, run, request):
    """Linux counts them for all processes of a user; `without_proc` was started by somebody with a low limit."""
    runner = request.getfixturevalue("sandbox_runner" if proc is Proc.OWN else "without_proc")
    neighbour = Victim(runner)
    neighbour.ask(
        "import socket\npairs = []\ntry:\n    while True:\n        pairs.append(socket.socketpair())\n"
        "        socket.send_fds(pairs[-1][0], [b'x'], [0] * 250)\nexcept OSError as error: assert error.errno == 109\n"
        "assert len(pairs) > 2"
    )

    run("print(1)")

    assert neighbour.complaint() == ""
    neighbour.close()


def test_nobody_hides_from_the_watchdog(run):
    """Who is not dumpable can only be looked into by who owns the cage."""
    run(
        LIBC + "assert libc.prctl(4, 0, 0, 0, 0) == -1 and ctypes.get_errno() == 22\n"
        "import mmap, time\nheld = []\nfor i in range(6):\n"
        "    if os.fork() == 0:\n        b = b'x' * (64 << 20); time.sleep(30); os._exit(0)\ntime.sleep(20)",
        ends=Outcome.OUT_OF_MEMORY,
    )


def test_a_daemon_dies_with_its_namespace(run):
    """It forks twice, has a session of its own, hears no signal and holds nothing that the kernel holds."""

    def left() -> list[Path]:
        commands = Path("/proc").glob("[0-9]*/cmdline")
        return [path for path in commands if path.exists() and b"86398" in path.read_bytes()]

    run(
        "import os, signal\nready, told = os.pipe()\nif os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n"
        "        for number in (1, 2, 15): signal.signal(number, signal.SIG_IGN)\n"
        "        os.write(told, b'x'); os.closerange(0, 512); os.execv('/bin/sleep', ['sleep', '86398'])\n"
        "    os._exit(0)\nos.read(ready, 1); os.wait()",
        "import os, signal\nos.kill(-1, signal.SIGTERM)",
    )

    assert left() == []


def test_no_part_of_the_processor_can_be_claimed(run):
    run(
        "import os, resource\n"
        "for what in (resource.RLIMIT_RTPRIO, resource.RLIMIT_NICE): assert resource.getrlimit(what) == (0, 0)\n"
        "for claim in (\n"
        "    lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1)),\n"
        "    lambda: os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1)),\n"
        "    lambda: os.setpriority(os.PRIO_PROCESS, 0, -5),\n"
        "):\n    try: claim()\n    except PermissionError: pass\n    else: raise SystemError('claimed')"
    )


def test_the_machine_does_without_kernels_first(sandbox_runner):
    read = "print(open('/proc/self/oom_score_adj').read(), end='')"

    execution = sandbox_runner.run(notebook_of(read), plan=[], limits=SMALL)

    assert execution.cells[0].outputs[0].text == "1000\n"


def test_no_memory_is_shared_with_another_kernel(sandbox_runner):
    read = (
        "print([line for line in open('/proc/self/maps') if line.split()[1][1] == 'w' and line.split()[1][3] == 's'])"
    )

    execution = sandbox_runner.run(notebook_of(read), plan=[], limits=SMALL)

    assert execution.cells[0].outputs[0].text == "[]\n"


@pytest.mark.skipif(platform.machine() not in MACHINES, reason="no filter for this processor")
def test_linux_answers_every_refused_call_as_the_policy_says(run):
    """With arguments that are good for nothing, so that a hole in the filter would show as another error."""
    numbers = MACHINES[platform.machine()].numbers
    wanted = dict.fromkeys(policy.names(policy.REFUSED), 1) | dict.fromkeys(policy.names(policy.ABSENT), 38)
    del wanted["uretprobe"]  # Linux lets it past every filter, and ends who calls it from elsewhere than its own page
    asked = {name: (numbers[name], errno) for name, errno in wanted.items() if name in numbers}
    asked |= {f"unknown {number}": (number, 38) for number in [*policy.NEWER.values(), 463, 600, 2**31 - 1]}

    run(
        LIBC + f"wrong = {{}}\nfor name, (number, errno) in {asked!r}.items():\n"
        "    answer = libc.syscall(number, -1, -1, -1, -1, -1, -1), ctypes.get_errno()\n"
        "    if answer != (-1, errno): wrong[name] = answer\nassert not wrong, wrong"
    )


def test_linux_answers_calls_that_hang_on_arguments_as_the_policy_says(run):
    run(
        LIBC + "import fcntl, mmap, socket\n"
        "def error(call, *given):\n    try: call(*given)\n    except OSError as raised: return raised.errno\n"
        "for family in (socket.AF_INET, socket.AF_NETLINK, socket.AF_TIPC, 38, 40):\n"
        "    assert error(socket.socket, family, socket.SOCK_STREAM) == 97, family\n"
        "    assert error(socket.socketpair, family, socket.SOCK_STREAM) == 97, family\n"
        "assert error(fcntl.fcntl, os.open('/usr', os.O_RDONLY), fcntl.F_NOTIFY, 1) == 22\n"
        "assert error(fcntl.ioctl, 0, 0x5423, b'xxxx') == 1\n"
        "assert error(mmap.mmap, -1, 2 << 20, 0x22 | 0x40000) == 12\n"
        "for persona in (8, 0x40000): assert libc.personality(persona) == -1 and ctypes.get_errno() == 1\n"
        "assert libc.personality(-1) == 0\n"
        "assert libc.unshare(0x10000000) == -1 and ctypes.get_errno() == 1"
    )


@pytest.mark.skipif(platform.machine() != "x86_64", reason="a second ABI beside it has only x86-64")
def test_a_call_of_the_32_bit_abi_ends_the_kernel(run):
    """int 0x80 with eax = 20, getpid: SIGSYS from the filter, or SIGSEGV where Linux has no such ABI."""
    run(
        LIBC + "import mmap\ncode = mmap.mmap(-1, 4096, prot=7)\n"
        "code.write(bytes.fromhex('b814000000cd80c3'))\n"
        "call = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(code)))\ncall()",
        ends=Outcome.DIED,
    )


IN_A_CAGE = """
import os, platform, sys
sys.path.insert(0, "/opt/app")
from grader_kernel import confine, seccomp
limits = {"data_bytes": 1 << 30, "files_bytes": 1 << 20, "processes": 8, "cpu_s": 0}
limits["own_proc"] = int(sys.argv[1] == "own")
report = os.dup(1)
confine.enter_new_pid_namespace(os.open("/proc/self/ns/pid", os.O_RDONLY))
if os.fork() == 0:
    confine.confine(limits, filter_program=seccomp.build(seccomp.MACHINES[platform.machine()]))
    os.write(report, f"{sys.argv[1]} {os.getpid()} {os.listdir('/proc')[-1:]}".encode())
    exec(sys.argv[2])
    os._exit(0)
sys.exit(abs(os.waitstatus_to_exitcode(os.wait()[1])))
"""
TRY_A_CAGE = f"""
import subprocess, sys
from pathlib import Path
from grader.sandbox.box import Box
box = Box(kernel_python=Path(sys.argv[1]))
sys.exit(subprocess.call(box._command(["-c", {IN_A_CAGE!r}, box.proc.value, sys.argv[2]], proc=box.proc)))
"""


GO_ON = 'exec setpriv --inh-caps=-all --ambient-caps=-all -- "$@"'
"""Without what was only needed to cover: bubblewrap refuses to start with capabilities that it did not ask for."""


@pytest.mark.parametrize(
    ("before", "seen"),
    [
        pytest.param("true", "own 1 ['1']", id="as it is"),
        pytest.param("mount -t tmpfs -o ro tmpfs /proc/fs", "empty 1 []", id="masked"),
    ],
)
def test_a_masked_proc_is_noticed_and_done_without(before, seen, kernel_python):
    """A folder of /proc is covered, as containers do: from then on Linux refuses every new one in a user namespace."""
    own_user = [] if os.geteuid() == 0 else ["--user", "--map-current-user", "--keep-caps"]
    apart = ["unshare", *own_user, "--mount", "--propagation", "private", "sh", "-c", f"{before} && {GO_ON}", "sh"]

    ran = subprocess.run(
        [*apart, sys.executable, "-c", TRY_A_CAGE, str(kernel_python), "pass"],
        capture_output=True,
        text=True,
        check=False,
        cwd=CHECKOUT,
        timeout=60,
    )

    assert (ran.stdout, ran.returncode) == (seen, 0), ran.stderr


def test_a_kernel_that_burns_the_processor_is_ended_whatever_it_ignores(kernel_python):
    """Behind the wall limits, which look at it from outside; here its seconds are none, and two of grace."""
    burn = "import signal; signal.signal(signal.SIGXCPU, signal.SIG_IGN)\nwhile True: pass"

    ran = subprocess.run(
        [sys.executable, "-c", TRY_A_CAGE, str(kernel_python), burn], check=False, cwd=CHECKOUT, timeout=60
    )

    assert ran.returncode == signal.SIGKILL
