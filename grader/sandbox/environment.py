"""The environment hash: what decides values, named before any student code has run."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from grader.domain.ids import EnvironmentHash
from grader.sandbox.box import KERNEL_FOLDER


def hash_environment(description: Mapping[str, Any], *, kernel_folder: Path = KERNEL_FOLDER) -> EnvironmentHash:
    """Hash interpreter, machine and packages as the fork server lists them, and the bytes of our code beside it."""
    digest = hashlib.sha256(json.dumps(description, sort_keys=True).encode())
    for file in sorted(kernel_folder.rglob("*")):
        if file.is_file() and file.suffix != ".pyc":
            digest.update(f"\0{file.relative_to(kernel_folder).as_posix()}\0".encode())
            digest.update(hashlib.sha256(file.read_bytes()).digest())
    return EnvironmentHash(digest.hexdigest())
