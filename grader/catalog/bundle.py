"""An assignment's files as they lie in a folder, and where the bundled ones lie."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import grader
from grader.catalog.mistakes import MistakeList, Place
from grader.errors import InvalidAssignment

SPEC_FILE = "assignment.yaml"
REFERENCE_FILE = "reference.ipynb"
MAX_BUNDLED_FILE_BYTES = 50_000_000


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """The bytes of one assignment. A file that was not there is absent; `parse` says so."""

    slug: str
    """The folder's name."""
    files: Mapping[str, bytes]
    """By name within the bundle: 'assignment.yaml', 'reference.ipynb'."""
    origin: Mapping[str, str] = field(default_factory=dict)
    """Where each file was or should have been, as people are told."""

    def shown_name(self, name: str) -> str:
        return self.origin.get(name, name)


def read_bundle(folder: Path) -> Bundle:
    """Read an assignment's folder.

    The reference lies beside the YAML as reference.ipynb or, where folders are kept as `assignments/<slug>`, as
    `reference_solutions/<slug>.ipynb` beside `assignments`.

    Raises:
        InvalidAssignment: there is no such folder, or a file in it cannot be read.
    """
    mistakes = MistakeList()
    folder = Path(os.path.normpath(folder.absolute()))  # 'x/..' has no name that could be a slug
    paths = {SPEC_FILE: folder / SPEC_FILE, REFERENCE_FILE: _reference_of(folder)}
    files: dict[str, bytes] = {}
    if not folder.is_dir():
        mistakes.add("folder_missing", at=Place(file=str(folder), line=1))
    for name, path in paths.items():
        try:
            size_bytes = path.stat().st_size
            if size_bytes > MAX_BUNDLED_FILE_BYTES:
                facts = {"size_bytes": size_bytes, "limit_bytes": MAX_BUNDLED_FILE_BYTES}
                mistakes.add("file_too_large", at=Place(file=str(path), line=1), **facts)
            else:
                files[name] = path.read_bytes()
        except FileNotFoundError:
            continue
        except OSError as error:
            reason = error.strerror or type(error).__name__
            mistakes.add("file_unreadable", at=Place(file=str(path), line=1), reason=reason)
    if mistakes:
        raise InvalidAssignment(mistakes.in_order)
    return Bundle(slug=folder.name, files=files, origin={name: str(path) for name, path in paths.items()})


def bundled() -> Mapping[str, Path]:
    """The assignments that come with the product, by slug: from the installed package or from the checkout."""
    package = Path(grader.__file__).parent
    for root in (package / "bundled" / "assignments", package.parent / "assignments"):
        if root.is_dir():
            return {folder.name: folder for folder in sorted(root.iterdir()) if (folder / SPEC_FILE).is_file()}
    return {}


def _reference_of(folder: Path) -> Path:
    beside = folder / REFERENCE_FILE
    if not beside.exists() and folder.parent.name == "assignments":
        return folder.parent.parent / "reference_solutions" / f"{folder.name}.ipynb"
    return beside
