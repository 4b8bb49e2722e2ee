"""What the sandbox needs of the machine it runs on: looked at without starting it, each thing with its cure."""

import os
import platform
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from grader.domain.cage import CageLine, LineState
from grader.domain.execution import Limits
from grader.domain.text import Fact, Note
from grader.sandbox.box import MACHINES, outer_environment
from grader.sandbox.cgroups.places import MEMORY, PROCESSOR, find_places
from grader.sandbox.container import is_container

_UNPRIVILEGED = 65534
"""Who root becomes before the cage is entered."""
OLDEST_LINUX = (5, 14)
"""Since then processes are counted per user namespace, which is what bounds a kernel's."""
_PACKAGES = ("torch", "numpy", "matplotlib", "ipython", "ipykernel")
_FONT = "matplotlib_fontja/fonts/ipaexg.ttf"
_PATIENCE_S = 20.0
_FOUND_MAX_CHARACTERS = 200
_GIB = 1024**3


@dataclass(frozen=True, kw_only=True)
class Machine:
    """This machine; tests put another one together."""

    root: Path = Path("/")
    is_root: bool = field(default_factory=lambda: os.geteuid() == 0)
    processor: str = field(default_factory=platform.machine)
    release: str = field(default_factory=platform.release)
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ)
    which: Callable[[str], str | None] = shutil.which
    run: Callable[[Sequence[str]], str | None] = field(default_factory=lambda: _run)
    """Gives what the command printed; None where it failed."""

    def read(self, path: str) -> str | None:
        """A small file, stripped; None where it cannot be read."""
        try:
            return (self.root / path).read_text(encoding="utf-8", errors="replace").strip()
        except OSError:
            return None

    @property
    def is_container(self) -> bool:
        return is_container(self.root, environment=self.environment)


def examine(machine: Machine, *, kernel_python: Path, bubblewrap: str = "bwrap") -> tuple[CageLine, ...]:
    """Look at everything that keeps kernels from starting, in the order in which it would be put right."""
    return (
        _processor(machine),
        _linux(machine),
        _bubblewrap(machine, bubblewrap),
        _system_programs(machine),
        _user_namespaces(machine, bubblewrap),
        _user_namespace_switches(machine),
        _apparmor(machine, bubblewrap),
        _proc(machine, bubblewrap),
        _cgroups(machine),
        _memory(machine),
        *_environment(kernel_python),
    )


def examine_data_folder(folder: Path, *, minimum_free_share: float) -> CageLine:
    """Whether uploads can be kept: the folder, or where it would be made, is ours to write and has room."""
    place = folder.absolute()
    while not place.exists():
        place = place.parent
    usage = shutil.disk_usage(place)
    free_share = usage.free / usage.total if usage.total else 0.0
    found = f"{place}: {usage.free / _GIB:.1f} GiB ({free_share:.0%})"
    if not os.access(place, os.W_OK):
        return _line("data_folder", is_ok=False, found=found, cure="data_folder", folder=str(place))
    is_ok = free_share >= minimum_free_share
    return _line("data_folder", is_ok=is_ok, found=found, cure="disk", percent=round(minimum_free_share * 100))


def _line(name: str, *, is_ok: bool | None, found: str, cure: str, **facts: Fact) -> CageLine:
    if is_ok:
        return CageLine(name=name, state=LineState.OK, found=found)
    state = LineState.UNKNOWN if is_ok is None else LineState.NOT_OK
    return CageLine(name=name, state=state, found=found, cure=Note(code=f"doctor.cure_{cure}", facts=facts))


def _processor(machine: Machine) -> CageLine:
    return _line("processor", is_ok=machine.processor in MACHINES, found=machine.processor, cure="processor")


def _linux(machine: Machine) -> CageLine:
    numbers = re.match(r"(\d+)\.(\d+)", machine.release)
    is_ok = None if numbers is None else (int(numbers[1]), int(numbers[2])) >= OLDEST_LINUX
    oldest = ".".join(map(str, OLDEST_LINUX))
    return _line("linux", is_ok=is_ok, found=machine.release, cure="linux", oldest=oldest)


def _bubblewrap(machine: Machine, bubblewrap: str) -> CageLine:
    version = machine.run([bubblewrap, "--version"]) if machine.which(bubblewrap) else None
    return _line("bubblewrap", is_ok=version is not None, found=version or "", cure="bubblewrap")


def _system_programs(machine: Machine) -> CageLine:
    """As root the cage is entered through these; nobody else needs them."""
    needed = ("unshare", "setpriv", "mount") if machine.is_root else ()
    missing = [program for program in needed if not machine.which(program)]
    return _line("util_linux", is_ok=not missing, found=" ".join(missing), cure="util_linux")


def _user_namespaces(machine: Machine, bubblewrap: str) -> CageLine:
    """Tried with bubblewrap itself: AppArmor may allow it what it forbids others."""
    can = _can_enter(machine, bubblewrap, "--unshare-user")
    if can is None:
        return CageLine(name="user_namespaces", state=LineState.UNKNOWN)
    return _line("user_namespaces", is_ok=can, found="", cure=_in_container(machine, "user_namespaces"))


def _user_namespace_switches(machine: Machine) -> CageLine:
    """The switches that turn user namespaces off: Debian's own, and the number that there may be."""
    clone = machine.read("proc/sys/kernel/unprivileged_userns_clone")
    most = machine.read("proc/sys/user/max_user_namespaces")
    found = f"unprivileged_userns_clone={clone or '-'} max_user_namespaces={most or '-'}"
    if clone == "0":
        return _line("userns_switches", is_ok=False, found=found, cure="userns_clone")
    return _line("userns_switches", is_ok=None if most is None else most != "0", found=found, cure="max_userns")


def _apparmor(machine: Machine, bubblewrap: str) -> CageLine:
    """A restriction is harmless where a profile lets bubblewrap through, and whom it starts keep its capabilities."""
    restricts = machine.read("proc/sys/kernel/apparmor_restrict_unprivileged_userns")
    found = f"apparmor_restrict_unprivileged_userns={restricts or '-'}"
    able = ("--unshare-user", "--uid", "0", "--gid", "0", "--cap-add", "CAP_SYS_ADMIN")
    is_ok = restricts != "1" or bool(_can_enter(machine, bubblewrap, *able, command=("unshare", "--uts", "true")))
    return _line("apparmor", is_ok=is_ok, found=found, cure=_in_container(machine, "apparmor"))


def _proc(machine: Machine, bubblewrap: str) -> CageLine:
    """A container's runtime covers parts of /proc, and Linux then refuses to mount a fresh one: kernels do without."""
    mounts = machine.read("proc/self/mountinfo") or ""
    covered = [line.split()[4] for line in mounts.splitlines() if line.split()[4].startswith("/proc/")]
    found = " ".join(covered)[:_FOUND_MAX_CHARACTERS]
    can = _can_enter(machine, bubblewrap, "--unshare-user", "--unshare-pid", "--proc", "/proc")
    hint = Note(code="doctor.cure_proc") if can is False else None
    return CageLine(name="proc", state=LineState.UNKNOWN if can is None else LineState.OK, found=found, cure=hint)


def _in_container(machine: Machine, cure: str) -> str:
    """In a container it is how the container was started that is to be put right."""
    return f"{cure}_container" if machine.is_container else cure


def _can_enter(machine: Machine, bubblewrap: str, *options: str, command: Sequence[str] = ("true",)) -> bool | None:
    """Whether bubblewrap can do this as the user that the cage belongs to; None where it cannot be tried."""
    if not machine.which(bubblewrap) or (machine.is_root and not machine.which("setpriv")):
        return None
    identity = ["setpriv", f"--reuid={_UNPRIVILEGED}", f"--regid={_UNPRIVILEGED}", "--clear-groups", "--"]
    drop = identity if machine.is_root else []
    return machine.run([*drop, bubblewrap, "--ro-bind", "/", "/", *options, *command]) is not None


def _cgroups(machine: Machine) -> CageLine:
    """What bounds kernels' memory and shares the processor out; without any, others do that as well as they can."""
    places = find_places(machine.root)
    controllers = [controller for place in places for controller in place.controllers]
    found = f"{places[0].version}: {' '.join(controllers)}" if places else ""
    missing = next((controller for controller in (MEMORY, PROCESSOR) if controller not in controllers), None)
    hint = None if missing is None else Note(code=f"doctor.cure_cgroups_{missing}")
    return CageLine(name="cgroups", state=LineState.OK, found=found, cure=hint)


def _memory(machine: Machine) -> CageLine:
    """One notebook may use as much as the usual limit."""
    found = re.search(r"^MemAvailable:\s+(\d+) kB", machine.read("proc/meminfo") or "", re.MULTILINE)
    available_bytes = None if found is None else int(found[1]) * 1024
    needed_bytes = Limits().memory_bytes
    return _line(
        "memory",
        is_ok=None if available_bytes is None else available_bytes >= needed_bytes,
        found="" if available_bytes is None else f"{available_bytes / _GIB:.1f} GiB",
        cure="memory",
        gib=f"{needed_bytes / _GIB:g}",
    )


def _environment(kernel_python: Path) -> tuple[CageLine, CageLine, CageLine]:
    """The interpreter, the packages and the Japanese font of the kernels' environment."""
    venv = kernel_python.absolute().parent.parent
    is_there = (venv / "pyvenv.cfg").is_file() and kernel_python.exists()
    packages = {
        name: version for folder in venv.glob("lib/python3*/site-packages") for name, version in _listed(folder)
    }
    found = " ".join(f"{name} {packages[name]}" for name in _PACKAGES if name in packages)
    has_font = any(venv.glob(f"lib/python3*/site-packages/{_FONT}"))
    return (
        _line("kernel_python", is_ok=is_there, found=str(kernel_python), cure="install"),
        _line("packages", is_ok=all(name in packages for name in _PACKAGES), found=found, cure="install"),
        _line("fonts", is_ok=has_font, found=Path(_FONT).name if has_font else "", cure="install"),
    )


def _listed(site_packages: Path) -> list[tuple[str, str]]:
    """Names and versions, as the folders that installers leave are called."""
    parts = (folder.name.removesuffix(".dist-info").rpartition("-") for folder in site_packages.glob("*.dist-info"))
    return [(name.lower(), version) for name, _, version in parts]


def _run(command: Sequence[str]) -> str | None:
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_PATIENCE_S, check=False, env=outer_environment(), cwd="/"
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
