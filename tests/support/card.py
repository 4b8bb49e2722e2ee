"""A GPU made of a file: whoever maps pages of its device node holds so much of its memory.

A second implementation of `grader.sandbox.gpu.nvml.Nvml`. What it tells is found out from real processes, so that
everything around it can be tried with real kernels and no hardware.
"""

import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path

from grader.sandbox.gpu.nvml import Card, NvmlTrouble
from grader.sandbox.process_tree import list_processes

MIB = 1024**2
HOLD = """
import mmap, os, time

def hold(mib):
    fd = os.open({node!r}, os.O_RDWR)
    memory = mmap.mmap(fd, mib << 20)
    os.close(fd)
    for page in range(0, mib << 20, 4096):
        memory[page] = 1
    return memory
"""
"""Defines `hold`, which takes memory of the card whose node is named."""


def card(*, minor=1, mib=256):
    return Card(uuid=f"GPU-{minor}", name="Paper 1", minor=minor, memory_bytes=mib * MIB)


class FileNvml:
    """Keeps NVML's promises for cards that are files in a folder, as long as nobody tells it not to.

    `others` are processes that nobody here knows, `nobodys_mib` is what the driver itself holds. Once anything uses a
    card, `breaks_down` says what the driver does on a bad day: 'no answer' or 'no sizes'.
    """

    driver = "1.2.3"
    library_folder = None

    def __init__(self, devices, *cards):
        self.devices = devices
        self.cards = cards
        self.others = {}
        self.nobodys_mib = 8
        self.is_silent = False
        self.breaks_down = None

    def list_cards(self):
        self._answer()
        return self.cards

    def used_bytes(self, card):
        self._answer()
        held = (size or 0 for size in self._held(card).values())
        return sum(held) + self.nobodys_mib * MIB

    def list_processes(self, card):
        self._answer()
        held = self._held(card)
        if held and self.breaks_down == "no answer":
            raise NvmlTrouble("GPU is lost")
        return {pid: None if self.breaks_down == "no sizes" else size for pid, size in held.items()}

    def _answer(self):
        if self.is_silent:
            raise NvmlTrouble("GPU is lost")

    def _held(self, card):
        node = (self.devices / f"nvidia{card.minor}").stat().st_ino
        found = {pid: _mapped_bytes(pid, node) for pid in list_processes(os.getpid()) if pid != os.getpid()}
        return {pid: size for pid, size in found.items() if size} | self.others


@contextmanager
def device_folder(*minors, mib=256):
    """A folder with the nodes of these cards and of the driver, which the sandbox's unprivileged user reaches too."""
    folder = Path(tempfile.mkdtemp(dir="/dev/shm", prefix="card"))
    try:
        folder.chmod(0o755)
        for name in ("nvidiactl", "nvidia-uvm", *(f"nvidia{minor}" for minor in minors)):
            node = folder / name
            node.touch()
            node.chmod(0o666)
            os.truncate(node, mib * MIB)
        yield folder
    finally:
        shutil.rmtree(folder)


def _mapped_bytes(pid, inode):
    try:
        if f" {inode} " not in Path(f"/proc/{pid}/maps").read_text():
            return 0
        lines = Path(f"/proc/{pid}/smaps").read_text().splitlines()
    except OSError:
        return 0
    size, is_ours = 0, False
    for line in lines:
        words = line.split()
        if not words[0].endswith(":"):
            is_ours = words[4] == str(inode)
        elif is_ours and words[0] == "Rss:":
            size += int(words[1]) * 1024
    return size
