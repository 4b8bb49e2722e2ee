# ruff: noqa: E501 - an attack is one entry of a table
"""One row per attack: what it tries, and how its run must end. Each runs beside a neighbour that must not notice."""

import os
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest

from grader.domain.execution import CellState, Limits, Outcome

OK = (Outcome.COMPLETED, CellState.OK)
RAISED = (Outcome.COMPLETED, CellState.RAISED)
INTERRUPTED = (Outcome.COMPLETED, CellState.TIMED_OUT)
KILLED_LATE = (Outcome.TIMED_OUT, CellState.ENDED_KERNEL)
NO_MEMORY = (Outcome.OUT_OF_MEMORY, CellState.ENDED_KERNEL)
TOO_LOUD = (Outcome.OUTPUT_LIMIT, CellState.ENDED_KERNEL)
DEAD = (Outcome.DIED, CellState.ENDED_KERNEL)

LIMITS = Limits(outside_s=15.0, total_s=30.0, memory_bytes=384 * 1024**2, processes=48)
HURRY = Limits(outside_s=1.0, total_s=6.0, memory_bytes=384 * 1024**2, processes=48)
"""For what ends only because its time is over."""


@dataclass(frozen=True)
class Attack:
    name: str
    code: str
    ends: tuple[Outcome, CellState] | tuple[tuple[Outcome, CellState], ...] = OK
    """OK where the cell itself asserts that it was refused."""
    limits: Limits = LIMITS


SEND = "import json, os, struct, time\ndef send(kind, data): os.write(3, struct.pack('<cI', kind, len(data)) + data)\n"
LIBC = "import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\ndef failed(r): return r == -1 and ctypes.get_errno()\n"

ATTACKS = [
    # time
    Attack("infinite loop", "while True: pass", INTERRUPTED, HURRY),
    Attack("sleeps forever", "import time; time.sleep(1e6)", INTERRUPTED, HURRY),
    Attack("awaits forever", "import asyncio; await asyncio.sleep(1e6)", INTERRUPTED, HURRY),
    Attack("ignores SIGINT", "import signal; signal.signal(2, signal.SIG_IGN)\nwhile True: pass", KILLED_LATE, HURRY),
    Attack(
        "blocks every signal",
        "import signal; signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 64))\nwhile True: pass",
        KILLED_LATE,
        HURRY,
    ),
    Attack("holds the lock in C", "sum(range(10**13))", (INTERRUPTED, KILLED_LATE), HURRY),
    Attack(
        "stops itself",
        "import os, signal; os.kill(0, signal.SIGSTOP)\nwhile True: pass",
        (INTERRUPTED, KILLED_LATE),
        HURRY,
    ),
    # memory
    Attack("8 GB at once", "bytearray(8 << 30)", RAISED),
    Attack("8 GB tensor", "import torch; torch.ones(2 << 30)", RAISED),
    Attack(
        "memory in pieces", "pieces = []\nfor i in range(8192): pieces.append(bytearray(1 << 20))", (NO_MEMORY, RAISED)
    ),
    Attack(
        "shared memory in pieces",
        "import mmap\nmaps = []\nfor i in range(64):\n    maps.append(mmap.mmap(-1, 64 << 20)); maps[-1].write(b'x' * (64 << 20))",
        NO_MEMORY,
    ),
    Attack(
        "memory in forks",
        "import os, time\nfor i in range(16):\n    if os.fork() == 0:\n        b = b'x' * (128 << 20); time.sleep(60); os._exit(0)\n"
        "time.sleep(60)",
        NO_MEMORY,
    ),
    Attack("5 GB into files", "f = open('/work/big', 'wb')\nfor i in range(5120): f.write(b'x' * (1 << 20))", RAISED),
    Attack(
        "files in every writable place",
        "n = 0\nfor place in ('/work', '/tmp', '/dev/shm'):\n    try:\n"
        "        f = open(place + '/big', 'wb', buffering=0)\n"
        "        while f.write(b'x' * (1 << 20)) == 1 << 20: n += 1\n    except OSError: pass\n"
        "assert n < 200, n",
    ),
    Attack("memfd", "import os\ntry: os.memfd_create('x')\nexcept OSError: pass\nelse: raise SystemError('made')"),
    # processes, threads, descriptors
    Attack(
        "200 forks",
        "import os, time\nn = 0\ntry:\n    for i in range(200):\n        if os.fork() == 0: time.sleep(60); os._exit(0)\n"
        "        n += 1\nexcept OSError: pass\nassert n < 48, n",
    ),
    Attack(
        "500 threads",
        "import threading, time\nn = 0\ntry:\n    for i in range(500):\n"
        "        threading.Thread(target=time.sleep, args=(60,), daemon=True).start(); n += 1\n"
        "except RuntimeError: pass\nassert n < 48, n",
    ),
    Attack(
        "leaves a daemon",
        "import os, time\nif os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0: time.sleep(60)\n    os._exit(0)",
    ),
    Attack("5000 descriptors", "files = []\nfor i in range(5000): files.append(open('/dev/null'))", RAISED),
    # output
    Attack("prints 1 GB", "text = 'x' * (1 << 20)\nfor i in range(1024): print(text)"),
    Attack("writes 1 GB to fd 1", "import os\nfor i in range(1024): os.write(1, b'x' * (1 << 20))", (OK, RAISED)),
    Attack("100 MB of HTML", "from IPython.display import HTML\ndisplay(HTML('x' * (100 << 20)))"),
    Attack(
        "100000 displays",
        SEND + "p = get_ipython().kernel.get_parent('shell')['msg_id']\n"
        "c = dict(data={'text/plain': 'x'}, metadata={}, transient={'display_id': 'same'})\n"
        "d = json.dumps(dict(channel='iopub', type='display_data', parent=p, content=c)).encode()\n"
        "for i in range(100000): send(b'J', d)",
        TOO_LOUD,
    ),
    Attack("raises 100 MB", "raise ValueError('x' * (100 << 20))", (RAISED, NO_MEMORY)),
    # the socket
    Attack("frame of no kind", SEND + "send(b'Z', b''); time.sleep(3)", DEAD),
    Attack("frame of 4 GB", SEND + "os.write(3, struct.pack('<cI', b'J', 2**32 - 1)); time.sleep(3)", TOO_LOUD),
    Attack("answer of 4 GB", SEND + "os.write(3, struct.pack('<cI', b'R', 2**32 - 1)); time.sleep(3)", DEAD),
    Attack("frame that is no JSON", SEND + "send(b'J', b'\\xff{'); time.sleep(3)", DEAD),
    Attack("JSON 100000 deep", SEND + "send(b'J', b'[' * 100000); time.sleep(3)", DEAD),
    Attack("8 MB of empty lists", SEND + "send(b'J', b'[' + b'[],' * 2500000 + b'[]]'); time.sleep(3)", DEAD),
    Attack("number of 10000 digits", SEND + "send(b'J', b'1' * 10000); time.sleep(3)", DEAD),
    Attack("closes the socket", "import os, time; os.close(3); time.sleep(3)", DEAD),
    Attack(
        "message with other types",
        SEND + 'send(b\'J\', b\'{"channel":"iopub","type":"stream","parent":7,"content":[]}\'); time.sleep(3)',
        DEAD,
    ),
    Attack(
        "replies for cells to come",
        SEND + "c = {'status': 'ok', 'execution_count': 2}\nfor i in range(50):\n"
        "    send(b'J', json.dumps(dict(channel='shell', type='execute_reply', parent=f'{i:024x}', content=c)).encode())\n"
        "time.sleep(3)",
        DEAD,
    ),
    Attack("answer nobody asked for", SEND + "send(b'R', b'\\0\\0\\0\\2{}'); time.sleep(3)", DEAD),
    Attack(
        "1 GB of raw frames",
        SEND
        + "d = json.dumps(dict(channel='iopub', type='stream', parent='?', content=dict(name='stdout', text='x' * (1 << 20)))).encode()\n"
        "for i in range(1024): send(b'J', d)",
        TOO_LOUD,
    ),
    Attack(
        "lone surrogates",
        "print('\\ud800 ok')\ndisplay({'text/plain': '\\udfff'}, raw=True)",
    ),
    Attack("source with a lone surrogate", "x = '\ud800'"),
    Attack("source with a null character", "x = '\0'", RAISED),
    Attack(
        "exception that cannot be described",
        "class Silent(Exception):\n    def __str__(self): raise ValueError\nraise Silent",
        RAISED,
    ),
    Attack("endless name of a program", "name = '''\n!" + "python" * 200_000 + "\n'''"),
    # dying
    Attack("os._exit", "import os; os._exit(0)", DEAD),
    Attack("segmentation fault", "import ctypes; ctypes.string_at(0)", DEAD),
    Attack("abort", "import os; os.abort()", DEAD),
    Attack("kills its group", "import os; os.kill(0, 9)", (OK, DEAD)),
    Attack(
        "kills everybody",
        "import os\nassert os.getpid() == 1 and os.getppid() == 0\nfor pid in (1, 2, -1):\n    try: os.kill(pid, 9)\n    except OSError: pass",
    ),
    # others
    Attack("other processes", "import os\nassert [p for p in os.listdir('/proc') if p.isdigit()] == ['1']"),
    Attack(
        "environment",
        "import os\nassert not [n for n in os.environ if 'SECRET' in n or 'GRADER' in n], dict(os.environ)",
    ),
    Attack(
        "neighbour's files",
        "import os\nseen = [f for d in ('/work', '/tmp', '/dev/shm', '/dev/pts') for _, _, fs in os.walk(d) for f in fs]\nassert set(seen) <= {'ptmx'}, seen",
    ),
    Attack(
        "neighbour's socket",
        "import socket\ntry: socket.socket(socket.AF_UNIX).connect('\\0neighbour')\nexcept ConnectionRefusedError: pass\nelse: raise SystemError('met')",
    ),
    Attack(
        "network",
        "import socket\nfor family in (socket.AF_INET, socket.AF_INET6, socket.AF_NETLINK, socket.AF_PACKET, 38, 40, 44):\n"
        "    try: socket.socket(family, socket.SOCK_RAW)\n    except OSError as e: assert e.errno == 97, (family, e)\n    else: raise SystemError(family)",
    ),
    Attack(
        "inherited descriptors",
        "import os\nlinks = []\nfor fd in os.listdir('/proc/self/fd'):\n    try: links.append(os.readlink(f'/proc/self/fd/{fd}'))\n"
        "    except OSError: pass\nassert sum(l.startswith('socket') for l in links) <= 3, links\n"
        "assert not [l for l in links if l.startswith(('/proc', 'pidfd', 'pid:', 'mnt:'))], links",
    ),
    Attack(
        "read-only places",
        "import os\nfor place in ('/', '/usr', '/opt', '/opt/venv', '/opt/app', '/opt/app/grader_kernel', '/etc', '/dev', '/proc'):\n"
        "    try: open(os.path.join(place, 'x'), 'w')\n    except OSError: pass\n    else: raise SystemError(place)",
    ),
    Attack(
        "files of the host",
        "import os\nseen = [p for p in ('/root', '/home', '/etc/passwd', '/etc/shadow', '/var', '/run', '/sys', '/mnt', '/oldroot', '/newroot') if os.path.exists(p)]\nassert not seen, seen",
    ),
    Attack(
        "switches of the host",
        "bad = []\nfor f in ('/proc/sys/kernel/core_pattern', '/proc/sysrq-trigger', '/proc/sys/vm/drop_caches', '/proc/kcore', '/proc/kmsg'):\n"
        "    try: open(f, 'r+b').close(); bad.append(f)\n    except OSError: pass\nassert not bad, bad",
    ),
    # privileges
    Attack(
        "capabilities",
        "import os, re\ns = open('/proc/self/status').read()\nassert re.findall(r'Cap\\w+:\\t(\\w+)', s) == ['0' * 16] * 5, s\n"
        "assert 'NoNewPrivs:\\t1' in s and 'Seccomp:\\t2' in s\n"
        "for f in (lambda: os.setuid(0), lambda: os.setgid(0), lambda: os.setgroups([0])):\n"
        "    try: f()\n    except OSError: pass\n    else: raise SystemError('set')",
    ),
    Attack("ptrace", LIBC + "assert failed(libc.ptrace(16, 1, 0, 0)) == 1"),
    Attack(
        "new namespaces",
        LIBC + "for flag in (0x10000000, 0x20000, 0x40000000): assert failed(libc.unshare(flag)) == 1\n"
        "assert failed(libc.syscall(56, 0x10000000 | 17, 0, 0, 0, 0)) == 1",
    ),
    Attack(
        "forbidden system calls",
        LIBC
        + "numbers = dict(mount=165, pivot_root=155, setns=308, keyctl=250, bpf=321, perf=298, userfaultfd=323, io_uring=425,\n"
        "    kexec=246, init_module=175, vm_readv=310, pidfd_getfd=438, open_tree=428, fsopen=430, by_handle=304, iopl=172,\n"
        "    memfd_secret=447, clone3=435, shmget=29, msgget=68, mq_open=240, x32=0x40000000 + 39, unknown=470)\n"
        "bad = [name for name, n in numbers.items() if failed(libc.syscall(n, 0, 0, 0, 0, 0, 0)) not in (1, 38)]\nassert not bad, bad",
    ),
    Attack(
        "hard limits",
        "import resource\ntry: resource.setrlimit(resource.RLIMIT_NPROC, (999, 999))\nexcept ValueError: pass\nelse: raise SystemError('raised')",
    ),
    Attack(
        "types into the terminal",
        "import fcntl\ntry: fcntl.ioctl(0, 0x5412, b'x')\nexcept PermissionError: pass\nelse: raise SystemError('typed')",
    ),
    Attack(
        "set-uid programs",
        "import subprocess\nr = subprocess.run('su -c id; mount -t tmpfs x /tmp', shell=True, capture_output=True, text=True)\nassert 'uid=0' not in r.stdout, r",
    ),
]


@pytest.fixture(scope="module")
def descriptors_before(neighbour) -> int:
    return _count_descriptors()


def _count_descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def _resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.parametrize("attack", [pytest.param(attack, id=attack.name.replace(" ", "-")) for attack in ATTACKS])
def test_attack_ends_as_it_must_and_nobody_else_notices(attack, run_cells, neighbour, descriptors_before, monkeypatch):
    monkeypatch.setenv("GRADER_SECRET", "not for kernels")
    ends = attack.ends if isinstance(attack.ends[0], tuple) else (attack.ends,)
    before_bytes = _resident_bytes()

    execution = run_cells(attack.code, "print('next')", limits=attack.limits)

    ended = (execution.outcome, execution.cells[0].state)
    assert ended in ends, (ended, execution.cells[0].error, [o.text[-800:] for o in execution.cells[0].outputs])
    assert (execution.cells[1].state is CellState.NOT_RUN) == (
        ended[0] is not Outcome.COMPLETED or ended == INTERRUPTED
    )
    assert _resident_bytes() - before_bytes < 150 * 1024**2
    assert _count_descriptors() <= descriptors_before + 3  # the watchdog may be looking just now; leaks would add up
    written = nbformat.reads(execution.executed_notebook.decode(), as_version=4)
    for cell in written.cells:
        cell.outputs = cell.outputs[:100]  # the schema is slow
    nbformat.validate(written)
    neighbour.assert_intact()


def test_no_process_of_a_killed_kernel_is_left(run_cells):
    def sleepers():
        commands = Path("/proc").glob("[0-9]*/cmdline")
        return [path for path in commands if path.exists() and b"86399" in path.read_bytes()]

    execution = run_cells("import subprocess, os\nsubprocess.Popen(['sleep', '86399'], start_new_session=True)")

    assert execution.outcome is Outcome.COMPLETED
    assert sleepers() == []
