"""What a cage shows of one GPU: its own device nodes, the driver's, and where the driver's libraries are."""

import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from grader.errors import GpuUnavailable
from grader.sandbox.gpu.nvml import Card, Nvml

_NEEDED_NODES = ("nvidiactl", "nvidia-uvm")
_OTHER_NODES = ("nvidia-uvm-tools", "nvidia-modeset")
_INSIDE_LIBRARIES = Path("/opt/driver")
_SEARCHED = frozenset(
    Path(folder)
    for top in ("/lib", "/usr/lib")
    for folder in (top, f"{top}64", f"{top}/{platform.machine()}-linux-gnu")
)
"""Where the loader looks by itself."""
VARIABLES = frozenset({"CUDA_VISIBLE_DEVICES", "PYTORCH_NVML_BASED_CUDA_CHECK", "CUDA_CACHE_PATH", "LD_LIBRARY_PATH"})
"""Environment variables that a cage with a GPU may have besides the usual ones."""
SYSTEM_FOLDERS = ("/sys/devices/system/cpu", "/sys/devices/system/node")
"""CUDA asks there which processors are near; nothing else of /sys is shown."""


@dataclass(frozen=True, kw_only=True)
class GpuParts:
    """Of one GPU, for the cage of the fork server whose kernels may use it."""

    nodes: Mapping[Path, Path]
    """Device nodes: by their path inside, where they lie outside."""
    libraries: Mapping[Path, Path] = field(default_factory=dict)
    """Folders that are not shown anyway, alike."""
    environment: Mapping[str, str]
    traits: Mapping[str, str]
    """What decides values computed on it: part of the environment's name."""


def find_parts(card: Card, *, nvml: Nvml, devices: Path = Path("/dev")) -> GpuParts:
    """Look for what CUDA needs of this GPU, and leave every other GPU's out.

    Args:
        card: the GPU.
        nvml: knows the driver.
        devices: the folder of device nodes.

    Raises:
        GpuUnavailable: a device node that it needs is not there.
        NvmlTrouble: the driver does not answer.
    """
    needed = [devices / name for name in (f"nvidia{card.minor}", *_NEEDED_NODES)]
    missing = [node for node in needed if not node.exists()]
    if missing:
        # Inside, nothing may load a module or make a node: it has to be there before.
        raise GpuUnavailable("no_node", gpu=card.name, node=str(missing[0]))
    others = [devices / name for name in _OTHER_NODES]
    libraries, searched = _libraries(nvml.library_folder)
    return GpuParts(
        nodes={Path("/dev", node.name): node for node in (*needed, *others) if node.exists()},
        libraries=libraries,
        environment={
            # By its name and not its place in a list, which other GPUs could change.
            "CUDA_VISIBLE_DEVICES": card.uuid,
            # Whoever asks torch whether CUDA is there must not start CUDA by it: the fork server never may.
            "PYTORCH_NVML_BASED_CUDA_CHECK": "1",
            # Otherwise it would lie among the student's own files.
            "CUDA_CACHE_PATH": "/tmp/cuda",  # noqa: S108 - the kernel's own
            **({"LD_LIBRARY_PATH": str(searched)} if searched else {}),
        },
        traits={"gpu": card.name, "driver": nvml.driver},
    )


def _libraries(folder: Path | None) -> tuple[Mapping[Path, Path], Path | None]:
    """What to show besides, and where to look for it; nothing where the loader finds the libraries by itself."""
    if folder is None or folder in _SEARCHED:
        return {}, None
    if folder.is_relative_to("/usr"):
        return {}, folder
    return {_INSIDE_LIBRARIES: folder}, _INSIDE_LIBRARIES
