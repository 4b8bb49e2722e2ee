"""The cage: the command line that starts the fork server inside bubblewrap, and what can be missing for it.

Nothing of the host is visible inside but /usr, the kernels' environment and our folder `kernel`, all read-only; there
is no network, no writable bind mount and no environment variable of ours.
"""

import os
import platform
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property
from pathlib import Path

from grader.errors import SandboxUnavailable
from grader.sandbox.container import is_container
from grader.sandbox.gpu.parts import SYSTEM_FOLDERS, GpuParts

KERNEL_FOLDER = Path(__file__).parent / "kernel"
"""The only code of ours that is visible inside."""
MACHINES = ("x86_64", "aarch64")
"""Architectures that kernel/seccomp.py knows."""

_INSIDE_VENV = Path("/opt/venv")
_INSIDE_PACKAGES = Path("/opt/app")
_PACKAGE = "grader_kernel"
_SERVE = f"""
import sys
sys.path.insert(0, {str(_INSIDE_PACKAGES)!r})
from {_PACKAGE}.forkserver import main
main(int(sys.argv[1]), sys.argv[2:])
"""
_TRY_PROC = f"""
import os, sys
sys.path.insert(0, {str(_INSIDE_PACKAGES)!r})
from {_PACKAGE}.confine import try_own_proc
try_own_proc(os.open("/proc/self/ns/pid", os.O_RDONLY))
"""
_TRY_S = 60.0
"""A cold disk on a busy machine; usually a tenth of a second."""

_NOBODY = 65534
_STAGE_CANDIDATES = ("/mnt", "/media", "/srv", "/opt", "/tmp")  # noqa: S108 - only in a mount namespace of our own

_STAGE = """
set -e
stage=$1
shift
mount -t tmpfs -o mode=755 tmpfs "$stage"
while [ "$1" != -- ]; do
    mkdir "$stage/$1"
    mount --bind "$2" "$stage/$1"
    shift 2
done
shift
exec "$@"
"""
"""Root only: binds what an unprivileged user may not reach into a private place, then goes on as that user."""

_NO_NAMESPACES = "This machine does not let programs create user namespaces, which the sandbox is made of."
_NO_NAMESPACES_HERE = (
    "This container does not let programs create user namespaces, which the sandbox is made of; "
    "start it with --security-opt seccomp=docker/seccomp.json."
)
_NO_MOUNTS_HERE = (
    "This container's AppArmor profile does not let programs mount in a namespace of their own; "
    "start it with --security-opt apparmor=unconfined."
)

_ENVIRONMENT = {
    # The scripts in the environment's own bin name a Python that is not there inside; ours stand before them.
    "PATH": f"{_INSIDE_PACKAGES}/{_PACKAGE}/bin:{_INSIDE_VENV}/bin:/usr/bin:/bin",
    "HOME": "/work",
    "USER": "student",
    "LANG": "C.UTF-8",
    "TMPDIR": "/tmp",  # noqa: S108 - the kernel's own
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    "MPLCONFIGDIR": "/tmp/matplotlib",  # noqa: S108 - the kernel's own
    "IPYTHONDIR": "/tmp/ipython",  # noqa: S108 - the kernel's own
    "PYTHONDONTWRITEBYTECODE": "1",
    "MALLOC_ARENA_MAX": "2",
    # A thread pool made before the fork would hang every fork.
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    # Without a network pip would try again for a minute; so it fails at once.
    "PIP_NO_INDEX": "1",
    "PIP_NO_INPUT": "1",
    "PIP_RETRIES": "0",
    "PIP_DEFAULT_TIMEOUT": "1",
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    "PIP_CONFIG_FILE": "/dev/null",
}


class Proc(StrEnum):
    """What kernels find at /proc."""

    OWN = "own"
    """A /proc of their own, in which there are no processes but theirs."""
    EMPTY = "empty"
    """An empty folder, where Linux lets nobody mount a /proc because something hides a part of the host's, as in most
    containers. The fork server sees the host's; each kernel covers it before it runs student code."""


@dataclass(frozen=True, kw_only=True)
class Box:
    """Where the parts of the cage lie on this machine."""

    kernel_python: Path
    """The `bin/python` of the kernels' virtual environment."""
    bubblewrap: str = "bwrap"
    wanted_proc: Proc | None = None
    """None: their own where this machine allows it."""
    preloaded: tuple[str, ...] = ()
    """Modules that the fork server loads, besides those that every kernel needs."""
    find_gpu: Callable[[], GpuParts] | None = None
    """Gives what kernels may see of a GPU; raises GpuUnavailable."""

    @property
    def venv(self) -> Path:
        return self.kernel_python.absolute().parent.parent

    @cached_property
    def gpu(self) -> GpuParts | None:
        """What kernels may see of a GPU. Raises GpuUnavailable."""
        return None if self.find_gpu is None else self.find_gpu()

    def looked_at_again(self) -> "Box":
        """The same, with nothing remembered of how this machine was."""
        return replace(self)

    def check(self) -> None:
        """Look for what a cage needs before anything is started.

        Raises:
            SandboxUnavailable: something is not there; `what` names it.
            GpuUnavailable: the GPU is not there.
        """
        _ = self.gpu
        if platform.machine() not in MACHINES:
            raise SandboxUnavailable(what=f"The sandbox does not know this processor: {platform.machine()}.")
        if not (self.venv / "pyvenv.cfg").is_file() or not self.kernel_python.exists():
            raise SandboxUnavailable(
                what=f"There is no Python environment for the kernels at {self.kernel_python}; run `make install`."
            )
        needed = [self.bubblewrap, *(("unshare", "setpriv", "mount") if _is_root() else ())]
        for program in needed:
            if shutil.which(program) is None:
                package = "bubblewrap" if program == self.bubblewrap else "util-linux"
                raise SandboxUnavailable(
                    what=f"The program {program} is not installed; run `apt-get install {package}` as root."
                )

    @cached_property
    def proc(self) -> Proc:
        """What kernels find at /proc; tried out the first time, in a cage with nothing in it but the attempt.

        Raises:
            SandboxUnavailable: it fails for another reason.
        """
        if self.wanted_proc is not None:
            return self.wanted_proc
        try:
            tried = subprocess.run(
                self._command(["-c", _TRY_PROC], proc=Proc.OWN),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                check=False,
                cwd="/",
                env=outer_environment(),
                timeout=_TRY_S,
            )
        except subprocess.TimeoutExpired as error:
            raise SandboxUnavailable(what=explain_failure(f"nothing happened for {_TRY_S:.0f} seconds")) from error
        if tried.returncode == 0:
            return Proc.OWN
        stderr = tried.stderr.decode("utf-8", "replace")
        # bubblewrap's own words where it fails already, and confine's where a kernel would.
        if "mount proc on" in stderr or "mount /proc:" in stderr:
            return Proc.EMPTY
        raise SandboxUnavailable(what=explain_failure(stderr))

    def command(self, *, control_fd: int) -> list[str]:
        """Give the command line of a fork server that talks over this inherited socket.

        Raises:
            SandboxUnavailable: there can be no cage, whatever kernels find at /proc.
        """
        return self._command(
            ["-X", "frozen_modules=on", "-c", _SERVE, str(control_fd), *self.preloaded], proc=self.proc
        )

    def _command(self, python: Sequence[str], *, proc: Proc) -> list[str]:
        binds = self._binds()
        if not _is_root():
            return self._bubblewrap_command(binds, python=python, proc=proc)
        # As kernel uid 0, bubblewrap would own /proc/sys inside and could not let kernels mount their own /proc.
        stage = _stage_folder(binds)
        staged = {inside: stage / str(number) for number, inside in enumerate(binds)}
        return [
            *("unshare", "--mount", "--propagation", "private", "sh", "-c", _STAGE, "sh", str(stage)),
            *(word for number, outside in enumerate(binds.values()) for word in (str(number), str(outside))),
            "--",
            *("setpriv", f"--reuid={_NOBODY}", f"--regid={_NOBODY}", "--clear-groups", "--inh-caps=-all"),
            *("--bounding-set=-all", "--no-new-privs", "--"),
            *self._bubblewrap_command(staged, python=python, proc=proc),
        ]

    def _bubblewrap_command(self, binds: Mapping[Path, Path], *, python: Sequence[str], proc: Proc) -> list[str]:
        return [
            self.bubblewrap,
            *("--unshare-user", "--unshare-ipc", "--unshare-pid", "--unshare-uts", "--unshare-cgroup", "--unshare-net"),
            # Another number than 0 would make bubblewrap nest a second user namespace, in which nothing can be mounted.
            *("--uid", "0", "--gid", "0", "--hostname", "sandbox"),
            *("--die-with-parent", "--new-session", "--clearenv"),
            *(word for name, value in self._environment.items() for word in ("--setenv", name, value)),
            *("--ro-bind", "/usr", "/usr"),
            *_system_folders(),
            *(word for inside, outside in binds.items() for word in ("--ro-bind", str(outside), str(inside))),
            *(("--proc", "/proc") if proc is Proc.OWN else ("--bind", "/proc", "/proc")),
            *("--dev", "/dev", "--dir", "/etc", "--tmpfs", "/tmp", "--dir", "/work"),  # noqa: S108 - inside
            *self._gpu_words(),
            # What forks could write and each other read would be a channel between submissions.
            *("--remount-ro", "/dev", "--remount-ro", "/"),
            # For the fork server alone: each kernel gives both up before it runs student code.
            *("--cap-drop", "ALL", "--cap-add", "CAP_SYS_ADMIN", "--cap-add", "CAP_SETFCAP"),
            *("--chdir", "/work", "--"),
            *(str(_INSIDE_VENV / "bin" / "python"), "-I", *python),
        ]

    @property
    def _environment(self) -> Mapping[str, str]:
        return _ENVIRONMENT if self.gpu is None else {**_ENVIRONMENT, **self.gpu.environment}

    def _gpu_words(self) -> Iterator[str]:
        """Show the GPU's device nodes, which stay writable under a /dev that is not, and where its processors are."""
        if self.gpu is not None:
            for inside, outside in self.gpu.nodes.items():
                yield from ("--dev-bind", str(outside), str(inside))
            for folder in SYSTEM_FOLDERS:
                yield from ("--ro-bind-try", folder, folder)

    def _binds(self) -> dict[Path, Path]:
        """What is shown inside, and where it lies outside."""
        binds = {base: Path(os.path.realpath(base)) for base in self._base_pythons()}
        binds[_INSIDE_VENV] = self.venv
        binds[_INSIDE_PACKAGES / _PACKAGE] = KERNEL_FOLDER.absolute()
        return binds | dict(self.gpu.libraries if self.gpu is not None else {})

    def _base_pythons(self) -> Iterator[Path]:
        """Folders of the Python that the environment was made from, where it is not the system's own."""
        lines = (self.venv / "pyvenv.cfg").read_text(encoding="utf-8").splitlines()
        settings = {name.strip(): value.strip() for name, _, value in (line.partition("=") for line in lines)}
        named = Path(settings["home"]).parent if "home" in settings else None
        real = Path(os.path.realpath(self.kernel_python)).parent.parent
        for base in dict.fromkeys((named, real)):
            if base is not None and not base.is_relative_to("/usr") and base != Path("/"):
                yield base


def explain_failure(stderr: str) -> str:
    """Say in one sentence why bubblewrap or the fork server did not start."""
    refusals = ("No permissions to create new namespace", "Creating new namespace failed", "setting up uid map")
    if any(refusal in stderr for refusal in refusals) or "unshare failed" in stderr:
        return _NO_NAMESPACES_HERE if is_container() else _NO_NAMESPACES
    if "Failed to make / slave: Permission denied" in stderr and is_container():
        return _NO_MOUNTS_HERE  # AppArmor's word; seccomp's is "Operation not permitted"
    if "CudaInUse" in stderr:
        return "The fork server began to use CUDA, after which no kernel could; look at the preloaded modules."
    if "NotPreloaded" in stderr:
        return f"A module that the kernels are to have preloaded could not be: {_last_line(stderr).partition(': ')[2]}."
    if "No module named" in stderr:
        return f"The kernels' environment is not complete ({_last_line(stderr)}); run `make install`."
    return f"The sandbox did not start: {_last_line(stderr) or 'it ended without a word'}."


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:300].rstrip(".") if lines else ""


def _system_folders() -> list[str]:
    """Link or bind /bin, /lib and so on, as this distribution has them."""
    words: list[str] = []
    for name in ("bin", "sbin", "lib", "lib32", "lib64"):
        folder = Path("/", name)
        if folder.is_symlink():
            words += ["--symlink", str(folder.readlink()), str(folder)]
        elif folder.is_dir():
            words += ["--ro-bind", str(folder), str(folder)]
    return words


def _stage_folder(binds: Mapping[Path, Path]) -> Path:
    """Find a folder to mount over that hides none of the sources."""
    for candidate in map(Path, _STAGE_CANDIDATES):
        if candidate.is_dir() and not any(outside.is_relative_to(candidate) for outside in binds.values()):
            return candidate
    raise SandboxUnavailable(what=f"There is no free folder to mount on among {', '.join(_STAGE_CANDIDATES)}.")


def _is_root() -> bool:
    return os.geteuid() == 0


def inner_environment() -> Mapping[str, str]:
    """Variables that the cage sets inside; there are no others but what programs in there set themselves."""
    return _ENVIRONMENT


def outer_environment() -> Mapping[str, str]:
    """Environment of the programs that set the cage up: the search path and nothing that could be a secret."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8"}
