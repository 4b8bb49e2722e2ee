"""The fork server: loads everything once, then forks one locked-in kernel per request. Never runs student code.

Started by the host inside bubblewrap, where this folder is the package `grader_kernel`. It is told limits and is handed
the kernel's socket, nothing else: what it knows, every later kernel would inherit.
"""

import dataclasses
import gc
import importlib.metadata
import importlib.util
import json
import linecache
import os
import platform
import signal
import socket
import sys
import traceback
from pathlib import Path
from typing import Any

from . import confine, pages, seccomp

sys.modules["debugpy"] = None  # type: ignore[assignment]  # 60 ms at every start, and no debugger belongs in here

from . import shell  # noqa: E402 - ipykernel must find debugpy blocked

_FOLDER = Path(__file__).parent
_CUDA_NODE = Path("/dev/nvidia-uvm")

_PRELOADED = (
    *("numpy.random", "matplotlib.pyplot", "matplotlib.backends.backend_agg", "matplotlib_inline.backend_inline"),
    *("torch", "torch.nn", "torch.nn.functional", "torch.optim", "torch.utils.data", "torch.func"),
    # y.backward(v) imports this the first time, and sympy with it: more than a second.
    "torch.fx.experimental.symbolic_shapes",
    # torch.func.grad and torch.func.jacfwd import these the first time: two seconds and 40 MB.
    *("torch._dynamo", "torch._decomp.decompositions_for_jvp"),
    *("IPython.core.ultratb", "stack_data", "pygments.formatters.terminal256", "multiprocessing.reduction"),
    *("tornado.platform.asyncio", "copy", "random"),
)

_WARM_UP_CELLS = (
    "import torch\nx = torch.arange(6.0).reshape(2, 3)\nprint(x, x.dtype)\nx",
    "1 / 0",
    # torch.manual_seed describes the stack each time, which means reading the sources of all that stands on it.
    "import traceback; traceback.format_stack()",
    # The usual roll-call cell fails like this; describing it means reading large parts of the standard library.
    "import urllib.request\nurllib.request.urlopen('http://localhost/', data=b'x')",
    "%matplotlib inline\nplt = __import__('matplotlib.pyplot').pyplot\nplt.plot([1, 2])\nplt.title('図')\nplt.show()",
)


class NotPreloaded(Exception):
    """A module that the host named cannot be loaded here, or not before kernels are forked."""


class CudaInUse(Exception):
    """Something here began to use CUDA: no fork of this process could."""


def main(control_fd: int, preloaded: list[str]) -> None:
    control = socket.socket(fileno=control_fd)
    filter_program = seccomp.build(seccomp.MACHINES[platform.machine()])
    kernel = _prepare(preloaded)
    _refuse_cuda()
    own_namespace = os.open("/proc/self/ns/pid", os.O_RDONLY)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # finished kernels leave no zombies
    gc.collect()
    gc.freeze()  # the collector would touch, and so copy, every page that forks share
    gc.disable()
    pages.collapse()
    control.sendall(json.dumps({"environment": _environment(preloaded), "data_bytes": _data_bytes()}).encode())
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, 1 << 16, 1)
        if not message:
            return
        _fork_kernel(
            json.loads(message),
            kernel=kernel,
            control=control,
            kernel_fd=descriptors[0],
            own_namespace=own_namespace,
            filter_program=filter_program,
        )


def _prepare(preloaded: list[str]) -> shell.SocketKernel:
    for name in _PRELOADED:
        importlib.import_module(name)
    import torch

    torch.set_num_threads(1)  # an OpenMP pool made here would be a deadlock in every fork
    for name in preloaded:
        _preload(name)
    _register_japanese_font()
    kernel = shell.build_kernel()
    shell.warm_up(kernel, _WARM_UP_CELLS)
    _forget_fonts()
    for module in (torch.random, torch.cuda, torch.cuda.random, torch._compile, torch._dynamo.eval_frame):
        linecache.getlines(str(module.__file__))
    sys.path.remove(str(_FOLDER.parent))
    sys.path.insert(0, "")  # a cell may write a module with %%writefile and import it
    sys.path.append(str(_FOLDER / "stand_ins"))
    sys.argv = ["ipykernel_launcher.py"]
    return kernel


def _refuse_cuda() -> None:
    """CUDA's own driver has this node open in every process that uses it; NVML, which is harmless, has not."""
    import torch

    opened = [entry.readlink() for entry in Path("/proc/self/fd").iterdir() if entry.is_symlink()]
    begun: bool = torch.cuda.is_initialized()  # type: ignore[no-untyped-call]
    if begun or _CUDA_NODE in opened:
        raise CudaInUse


def _preload(name: str) -> None:
    try:
        importlib.import_module(name)
    except Exception as error:  # noqa: BLE001 - a module may raise anything
        raise NotPreloaded(f"{name}: {type(error).__name__}: {error}".splitlines()[0]) from None
    if sum(1 for _ in Path("/proc/self/task").iterdir()) > 1:
        # No fork has the thread, and every fork may have a lock that it held.
        raise NotPreloaded(f"{name} starts threads")


def _register_japanese_font() -> None:
    """Let plots show Japanese without asking for it: IPAexGothic stands behind the default font."""
    import matplotlib
    from matplotlib import font_manager

    package = importlib.util.find_spec("matplotlib_fontja")  # importing it would make it the only font
    if package is None or package.origin is None:
        return
    font = Path(package.origin).parent / "fonts" / "ipaexg.ttf"
    font_manager.fontManager.addfont(str(font))
    regular = font_manager.fontManager.ttflist[-1]
    # It has one weight only, and matplotlib would warn about each bold title.
    font_manager.fontManager.ttflist.append(dataclasses.replace(regular, weight=700))
    for settings in (matplotlib.rcParams, matplotlib.rcParamsDefault):
        settings["font.family"] = ["sans-serif", regular.name]


def _forget_fonts() -> None:
    """Empty the cache that matplotlib empties in every fork, which would touch half a thousand pages there."""
    from matplotlib import font_manager

    font_manager._get_font.cache_clear()


def _fork_kernel(
    limits: dict[str, int],
    *,
    kernel: shell.SocketKernel,
    control: socket.socket,
    kernel_fd: int,
    own_namespace: int,
    filter_program: bytes,
) -> None:
    try:
        confine.enter_new_pid_namespace(own_namespace)
        pid = os.fork()
        if pid == 0:
            control.close()
            os.close(own_namespace)
            _become_kernel(kernel, kernel_fd, limits, filter_program)
        pidfd = os.pidfd_open(pid)
        try:
            socket.send_fds(control, [json.dumps({"held_bytes": _held_bytes()}).encode()], [pidfd])
        finally:
            os.close(pidfd)
    except OSError as error:
        # A kernel that was made all the same ends when the host hangs up on it.
        control.sendall(json.dumps({"error": str(error)}).encode())
    finally:
        os.close(kernel_fd)


def _become_kernel(kernel: shell.SocketKernel, kernel_fd: int, limits: dict[str, int], filter_program: bytes) -> None:
    """Lock this fork in and serve one notebook; never returns."""
    try:
        confine.confine(limits, filter_program=filter_program)
        if kernel_fd != shell.SOCKET_FD:
            os.dup2(kernel_fd, shell.SOCKET_FD, inheritable=False)
        os.closerange(shell.SOCKET_FD + 1, 512)
        _reseed()
        gc.enable()
        shell.restore_child_signals()
        shell.serve(kernel, socket.socket(fileno=shell.SOCKET_FD))
    except BaseException:  # noqa: BLE001 - this process may not go back to the fork server's loop, whatever happens
        report = traceback.format_exc().encode("utf-8", "replace")[-4000:]
        os.write(kernel_fd, b"X" + len(report).to_bytes(4, "little") + report)
    finally:
        os._exit(1)


def _reseed() -> None:
    """Forks share the state of every generator; Python's own reseeds itself.

    With seeds from here: to find one themselves they touch a quarter of a megabyte that would be copied for it.
    """
    import numpy
    import torch

    numpy.random.seed(int.from_bytes(os.urandom(4), "little"))
    torch.default_generator.manual_seed(int.from_bytes(os.urandom(8), "little", signed=True))


def _environment(preloaded: list[str]) -> dict[str, Any]:
    """Describe what kernels run in, before any student code does."""
    packages = sorted({f"{found.name}=={found.version}" for found in importlib.metadata.distributions()})
    return {"python": sys.version, "machine": platform.machine(), "packages": packages, "preloaded": preloaded}


def _held_bytes() -> int:
    """What this process itself holds in memory, pages that no file stands behind."""
    resident, in_files = Path("/proc/self/statm").read_text().split()[1:3]
    return (int(resident) - int(in_files)) * os.sysconf("SC_PAGE_SIZE")


def _data_bytes() -> int:
    """Private memory that a fork starts with, which RLIMIT_DATA counts too."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmData:"))
