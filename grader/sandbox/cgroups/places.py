"""Where control groups of ours may be made: below the group that this process is in, and nowhere else."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path, PurePosixPath
from typing import Final

MAIN: Final = "grader-main"
"""The group that our own processes move into where version 2 wants the one above it to hold groups only."""
MEMORY, PROCESSOR, PROCESSES = "memory", "cpu", "pids"

_DELEGATED = ("user.delegate", "trusted.delegate")
"""How systemd marks a group whose inside it leaves to others."""


class Version(StrEnum):
    FIRST = "v1"
    SECOND = "v2"


@dataclass(frozen=True, kw_only=True)
class Place:
    """A group below which we may make our own."""

    version: Version
    folder: Path
    controllers: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class _Mount:
    kind: str
    inside: PurePosixPath
    """Which group is its root."""
    at: Path
    options: tuple[str, ...]


def find_places(root: Path = Path("/")) -> tuple[Place, ...]:
    """Version 2 where it was delegated to us, or else version 1 where we may write; nothing where neither is.

    Only looks. Making a group can fail all the same.
    """
    second = _second(root)
    if second is not None:
        return (second,)
    firsts = (_first(root, controller) for controller in (MEMORY, PROCESSOR))
    return tuple(place for place in firsts if place is not None)


def _second(root: Path) -> Place | None:
    own = _own_path(root, "")
    if own is None:
        return None
    above = own.parent if own.name == MAIN else own
    for mount in _mounts(root):
        folder = _find_folder(mount, above) if mount.kind == "cgroup2" else None
        if folder is None or not (above == PurePosixPath("/") or _is_delegated(folder)):
            continue
        if not all(os.access(folder / name, os.W_OK) for name in ("", "cgroup.procs", "cgroup.subtree_control")):
            continue
        there = (folder / "cgroup.controllers").read_text(encoding="ascii").split()
        controllers = tuple(name for name in (MEMORY, PROCESSES, PROCESSOR) if name in there)
        if MEMORY in controllers:
            return Place(version=Version.SECOND, folder=folder, controllers=controllers)
    return None


def _first(root: Path, controller: str) -> Place | None:
    own = _own_path(root, controller)
    for mount in _mounts(root):
        if own is not None and mount.kind == "cgroup" and controller in mount.options:
            folder = _find_folder(mount, own)
            if folder is not None and os.access(folder, os.W_OK):
                return Place(version=Version.FIRST, folder=folder, controllers=(controller,))
    return None


def _find_folder(mount: _Mount, path: PurePosixPath) -> Path | None:
    """Where a group shows in the file system; None where it does not."""
    if ".." in path.parts or not path.is_relative_to(mount.inside):
        return None
    folder = mount.at / path.relative_to(mount.inside)
    return folder if (folder / "cgroup.procs").exists() else None


def _is_delegated(folder: Path) -> bool:
    for name in _DELEGATED:
        try:
            if os.getxattr(folder, name) == b"1":
                return True
        except OSError:
            continue
    return False


def _own_path(root: Path, controller: str) -> PurePosixPath | None:
    """Which group this process is in; version 2 has no name for its controllers."""
    for line in _lines(root / "proc/self/cgroup"):
        _, controllers, path = line.split(":", 2)
        if controller in controllers.split(","):
            return PurePosixPath(path)
    return None


def _mounts(root: Path) -> Iterator[_Mount]:
    for line in _lines(root / "proc/self/mountinfo"):
        where, _, what = line.partition(" - ")
        words, (kind, _, options) = where.split(), what.split()
        yield _Mount(
            kind=kind,
            inside=PurePosixPath(_unescape(words[3])),
            at=root / _unescape(words[4]).lstrip("/"),
            options=tuple(options.split(",")),
        )


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []


def _unescape(path: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), path)
