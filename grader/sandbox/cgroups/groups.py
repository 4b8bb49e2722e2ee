"""The groups that a runner's kernels live in: made once, taken by one kernel after another, removed at the end."""

import contextlib
import errno
import fcntl
import os
import secrets
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from grader.domain.execution import Limits
from grader.sandbox.cgroups.places import MAIN, MEMORY, PROCESSES, PROCESSOR, Place, Version, find_places

_PREFIX: Final = "grader-kernels-"
_SHARES: Final = {Version.FIRST: ("cpu.shares", "512"), Version.SECOND: ("cpu.weight", "50")}
"""Of all kernels of a runner together: half of what Linux gives a group by default, and so half of what we have."""
_TRIES: Final = 20
_PAUSE_S: Final = 0.01


class Files:
    """What is done to the files of control groups; a test has a tree that refuses what Linux would."""

    def read(self, file: Path) -> str:
        return file.read_text(encoding="ascii")

    def write(self, file: Path, text: str) -> None:
        """Raises OSError, FileNotFoundError where this Linux has no such file."""
        descriptor = os.open(file, os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(descriptor, text.encode("ascii"))
        finally:
            os.close(descriptor)

    def exists(self, path: Path) -> bool:
        return path.exists()

    def make(self, folder: Path) -> None:
        folder.mkdir()

    def remove(self, folder: Path) -> None:
        folder.rmdir()

    def list_groups(self, folder: Path) -> Sequence[Path]:
        return [entry for entry in folder.iterdir() if entry.is_dir()]

    def lock(self, folder: Path) -> int | None:
        """Hold it for as long as the descriptor is open; None where somebody else does."""
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            return None
        return descriptor


class Group:
    """One kernel's: bounds what all its processes hold, together, and gives them one share of the processor."""

    def __init__(
        self, folders: Mapping[str, Path], *, version: Version, files: Files, on_release: "Callable[[Group], None]"
    ) -> None:
        self._folders = folders
        self._version = version
        self._files = files
        self._on_release = on_release
        self._killed_before = 0

    @property
    def bounds_memory(self) -> bool:
        return MEMORY in self._folders

    @property
    def shares_processor(self) -> bool:
        return PROCESSOR in self._folders

    @property
    def folders(self) -> frozenset[Path]:
        return frozenset(self._folders.values())

    def admit(self, pid: int, limits: Limits) -> None:
        """Take a process in; what it starts from now on will be in here too. Raises OSError."""
        self._bound(limits)
        for folder in self.folders:
            self._files.write(folder / "cgroup.procs", str(pid))

    def has_run_out(self) -> bool:
        """Whether Linux has ended a process in here because there was no memory left for it. Raises OSError."""
        return self.bounds_memory and self._count_killed() > self._killed_before

    def is_empty(self) -> bool:
        return all(self._files.read(folder / "cgroup.procs").strip() == "" for folder in self.folders)

    def end_all(self) -> None:
        """End whatever is in here; version 1 has no word for it. Raises OSError."""
        if self._version is Version.SECOND:
            (folder,) = self.folders
            self._write_if_there(folder / "cgroup.kill", "1")

    def release(self) -> None:
        """Its kernel has gone."""
        self._on_release(self)

    def _bound(self, limits: Limits) -> None:
        if self._version is Version.SECOND:
            folder = self._folders[MEMORY]
            self._files.write(folder / "memory.max", str(limits.memory_bytes))
            self._files.write(folder / "memory.oom.group", "1")
            self._write_if_there(folder / "memory.swap.max", "0")
            if PROCESSES in self._folders:
                self._files.write(folder / "pids.max", str(limits.processes))
        elif self.bounds_memory:
            folder = self._folders[MEMORY]
            # Memory and swap together may never be less than memory alone, not even on the way.
            self._write_if_there(folder / "memory.memsw.limit_in_bytes", "-1")
            self._files.write(folder / "memory.limit_in_bytes", str(limits.memory_bytes))
            self._write_if_there(folder / "memory.memsw.limit_in_bytes", str(limits.memory_bytes))
        if self.bounds_memory:
            self._killed_before = self._count_killed()

    def _count_killed(self) -> int:
        file = "memory.events" if self._version is Version.SECOND else "memory.oom_control"
        lines = self._files.read(self._folders[MEMORY] / file).splitlines()
        counts = dict(line.split() for line in lines if len(line.split()) == 2)
        return int(counts.get("oom_kill", 0))

    def _write_if_there(self, file: Path, text: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            self._files.write(file, text)


class Groups:
    """All of a runner's groups. Called from any thread.

    They lie in one folder for each hierarchy, which is locked while its maker lives: what one that was killed has left
    behind is removed by the next.
    """

    def __init__(self, find: Callable[[], Sequence[Place]] = find_places, *, files: Files | None = None) -> None:
        """Nothing is made before the first kernel wants in."""
        self._find = find
        self._files = files or Files()
        self._working = threading.Lock()
        self._homes: list[tuple[Place, Path]] | None = None
        self._locks: list[int] = []
        self._made: list[Group] = []
        self._free: list[Group] = []

    def admit(self, pid: int, limits: Limits) -> Group | None:
        """Put a process into a group of its own; None where there are no groups, and others must look after it."""
        with self._working:
            group = None
            try:
                group = self._free.pop() if self._free else self._make()
                if group is not None:
                    group.admit(pid, limits)
            except OSError:
                if group is not None:
                    self._keep(group)
                return None
            return group

    def close(self) -> None:
        """Remove all of them; they are made again for whoever comes after."""
        with self._working:
            for group in self._made:
                for folder in group.folders:
                    self._remove(folder)
            for _, home in self._homes or ():
                self._remove(home)
            for lock in self._locks:
                os.close(lock)
            self._homes, self._locks, self._made, self._free = None, [], [], []

    def _make(self) -> Group | None:
        homes = self._opened()
        if not homes:
            return None
        number = str(len(self._made))
        folders: dict[str, Path] = {}
        for place, home in homes:
            self._files.make(home / number)
            folders |= dict.fromkeys(place.controllers, home / number)
        group = Group(folders, version=homes[0][0].version, files=self._files, on_release=self._take_back)
        self._made.append(group)
        return group

    def _take_back(self, group: Group) -> None:
        with self._working:
            if group in self._made:
                self._keep(group)

    def _keep(self, group: Group) -> None:
        """For the kernels to come, the last of all; one in which something lived on has had its last kernel."""
        with contextlib.suppress(OSError):
            if group.is_empty():
                self._free.insert(0, group)
            else:
                group.end_all()

    def _opened(self) -> Sequence[tuple[Place, Path]]:
        if self._homes is None:
            self._homes = []  # a machine that refuses once is not asked for every kernel
            for place in self._find():
                with contextlib.suppress(OSError):
                    self._homes.append((place, self._open(place)))
        return self._homes

    def _open(self, place: Place) -> Path:
        if place.version is Version.SECOND:
            self._make_room(place)
        self._sweep(place.folder)
        for _ in range(_TRIES):
            home = place.folder / f"{_PREFIX}{secrets.token_hex(4)}"
            self._files.make(home)
            lock = self._files.lock(home)
            if lock is None or not self._files.exists(home):
                continue  # another runner that starts just now took it for one that was left behind
            self._locks.append(lock)
            if place.version is Version.SECOND:
                self._files.write(home / "cgroup.subtree_control", _enabled(place))
            if PROCESSOR in place.controllers:
                file, share = _SHARES[place.version]
                self._files.write(home / file, share)
            return home
        raise FileExistsError(errno.EEXIST, "no group could be kept")

    def _make_room(self, place: Place) -> None:
        """A group of version 2 has either processes or groups with controllers; so ours move one down.

        The root of the whole machine is the one exception, and knows no type.
        """
        if self._files.exists(place.folder / "cgroup.type"):
            with contextlib.suppress(FileExistsError):
                self._files.make(place.folder / MAIN)
        for attempt in range(_TRIES):
            if self._files.exists(place.folder / "cgroup.type"):
                for pid in self._files.read(place.folder / "cgroup.procs").split():
                    with contextlib.suppress(ProcessLookupError):
                        self._files.write(place.folder / MAIN / "cgroup.procs", pid)
            try:
                self._files.write(place.folder / "cgroup.subtree_control", _enabled(place))
            except OSError as error:
                if error.errno != errno.EBUSY or attempt == _TRIES - 1:
                    raise
            else:
                return

    def _sweep(self, folder: Path) -> None:
        for home in self._files.list_groups(folder):
            if not home.name.startswith(_PREFIX):
                continue
            with contextlib.suppress(OSError):  # its maker has gone meanwhile, or it is not ours to remove
                lock = self._files.lock(home)
                if lock is None:
                    continue
                try:
                    for group in self._files.list_groups(home):
                        self._files.remove(group)
                    self._files.remove(home)
                finally:
                    os.close(lock)

    def _remove(self, folder: Path) -> None:
        for _ in range(_TRIES):
            try:
                self._files.remove(folder)
            except OSError as error:
                if error.errno != errno.EBUSY:
                    return
                time.sleep(_PAUSE_S)  # Linux is still putting away who has ended
            else:
                return


def _enabled(place: Place) -> str:
    return " ".join(f"+{controller}" for controller in place.controllers)
