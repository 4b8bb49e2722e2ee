"""A tree of control groups of version 2 in memory, which refuses what Linux refuses.

Source: Documentation/admin-guide/cgroup-v2 of the kernel.
"""

import errno
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from grader.sandbox.cgroups.groups import Files

_OF_CONTROLLERS = {
    "memory": ("memory.max", "memory.swap.max", "memory.oom.group", "memory.events"),
    "pids": ("pids.max",),
    "cpu": ("cpu.weight",),
}


@dataclass(kw_only=True)
class _Node:
    controllers: frozenset[str]
    is_machine_root: bool = False
    enabled: frozenset[str] = frozenset()
    pids: set[str] = field(default_factory=set)
    settings: dict[str, str] = field(default_factory=dict)


class GroupTree(Files):
    """One delegated group with processes in it."""

    def __init__(
        self, folder: Path, *, pids: Sequence[str] = (), controllers: Sequence[str], is_machine_root: bool = False
    ) -> None:
        self.nodes = {
            folder: _Node(controllers=frozenset(controllers), pids=set(pids), is_machine_root=is_machine_root)
        }
        self.locked: set[Path] = set()
        self.newcomers: list[str] = []
        """Processes that appear in the folder one by one, each time somebody has tried to move all of them out."""
        self._folder = folder

    def end(self, pid: str) -> None:
        for node in self.nodes.values():
            node.pids.discard(pid)

    def run_out(self, folder: Path) -> None:
        """Linux has no memory left for somebody in this group."""
        node = self.nodes[folder]
        killed = int(node.settings.get("oom_kill", "0")) + 1
        node.settings["oom_kill"] = str(killed)
        if node.settings.get("memory.oom.group") == "1":
            node.pids.clear()

    def read(self, file: Path) -> str:
        node = self._node_with(file)
        if file.name == "cgroup.procs":
            return "".join(f"{pid}\n" for pid in sorted(node.pids))
        if file.name == "memory.events":
            return f"low 0\nhigh 0\nmax 9\noom 3\noom_kill {node.settings.get('oom_kill', '0')}\n"
        return node.settings[file.name]

    def write(self, file: Path, text: str) -> None:
        node = self._node_with(file)
        if file.name == "cgroup.procs":
            self._move(text, node)
        elif file.name == "cgroup.kill":
            node.pids.clear()
        elif file.name == "cgroup.subtree_control":
            self._enable({name.removeprefix("+") for name in text.split()}, node)
        else:
            node.settings[file.name] = text

    def exists(self, path: Path) -> bool:
        if path in self.nodes:
            return True
        node = self.nodes.get(path.parent)
        if node is None:
            return False
        if path.name == "cgroup.type":
            return not node.is_machine_root
        known = {name for controller in node.controllers for name in _OF_CONTROLLERS[controller]}
        return path.name in known | {"cgroup.procs", "cgroup.subtree_control", "cgroup.kill"}

    def make(self, folder: Path) -> None:
        if folder in self.nodes:
            raise FileExistsError(errno.EEXIST, str(folder))
        self.nodes[folder] = _Node(controllers=self.nodes[folder.parent].enabled)

    def remove(self, folder: Path) -> None:
        if folder not in self.nodes:
            raise FileNotFoundError(errno.ENOENT, str(folder))
        if self.nodes[folder].pids or self.list_groups(folder):
            raise OSError(errno.EBUSY, str(folder))
        del self.nodes[folder]

    def list_groups(self, folder: Path) -> Sequence[Path]:
        return [path for path in self.nodes if path.parent == folder]

    def lock(self, folder: Path) -> int | None:
        return None if folder in self.locked else os.open(os.devnull, os.O_RDONLY)

    def _node_with(self, file: Path) -> _Node:
        if not self.exists(file):
            raise FileNotFoundError(errno.ENOENT, str(file))
        return self.nodes[file.parent]

    def _move(self, pid: str, target: _Node) -> None:
        if target.enabled and not target.is_machine_root:
            raise OSError(errno.EBUSY, "no processes beside groups with controllers")
        for node in self.nodes.values():
            if pid in node.pids:
                node.pids.remove(pid)
                target.pids.add(pid)
                return
        raise ProcessLookupError(errno.ESRCH, pid)

    def _enable(self, wanted: set[str], node: _Node) -> None:
        if not wanted <= node.controllers:
            raise FileNotFoundError(errno.ENOENT, "a controller that the group above does not give")
        if self.newcomers and node is self.nodes[self._folder]:
            node.pids.add(self.newcomers.pop())
        if node.pids and not node.is_machine_root:
            raise OSError(errno.EBUSY, "no groups with controllers beside processes")
        node.enabled |= wanted
