"""Whether this machine is a container, where other things help than on a machine of one's own."""

import os
from collections.abc import Mapping
from pathlib import Path

_MARKS = (".dockerenv", "run/.containerenv")
_VARIABLE = "container"
"""systemd's convention; podman sets it, and so does our image."""


def is_container(root: Path = Path("/"), *, environment: Mapping[str, str] = os.environ) -> bool:
    """Tell by the file that an engine leaves in its containers, or by the variable that names it."""
    return any((root / mark).exists() for mark in _MARKS) or bool(environment.get(_VARIABLE))
