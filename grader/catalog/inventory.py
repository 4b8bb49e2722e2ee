"""What each file of an assignment is for, as far as its YAML says, and which of them it cannot do without."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from grader.catalog.bundle import EQUIVALENTS, REFERENCE_FILE, TEMPLATES
from grader.catalog.mistakes import MistakeList
from grader.catalog.paths import SPEC_FILE, paths_under
from grader.catalog.positions import read_yaml
from grader.errors import NotFound


class Purpose(StrEnum):
    SPEC = "spec"
    REFERENCE = "reference"
    TEMPLATE = "template"
    """What students start from."""
    EQUIVALENT = "equivalent"
    """Another right solution, for the self-test."""
    DATA = "data"
    """Students get it."""
    HIDDEN = "hidden"
    """Only checks get it."""
    UNUSED = "unused"
    UNKNOWN = "unknown"
    """The YAML cannot be read, and only it could tell."""


_MAY_GO = frozenset({Purpose.TEMPLATE, Purpose.EQUIVALENT, Purpose.UNUSED})


@dataclass(frozen=True, kw_only=True)
class AssignmentFile:
    """One file of an assignment, or one that it ought to have."""

    path: str
    purpose: Purpose
    size_bytes: int | None
    """None: it is not there."""

    @property
    def is_needed(self) -> bool:
        return self.purpose not in _MAY_GO

    @property
    def size_kb(self) -> int:
        """Rounded up."""
        return -(-(self.size_bytes or 0) // 1024)


def list_files(files: Mapping[str, bytes]) -> tuple[AssignmentFile, ...]:
    """All files that are there or ought to be: YAML and reference first, then by what they are for and by path."""
    named = _named_in(files.get(SPEC_FILE))
    expected = {SPEC_FILE: Purpose.SPEC, REFERENCE_FILE: Purpose.REFERENCE, **(named or {})}
    other = Purpose.UNKNOWN if named is None else Purpose.UNUSED
    found = {path: expected.get(path) or _purpose_by_name(path) or other for path in files}
    order = list(Purpose)
    return tuple(
        AssignmentFile(path=path, purpose=purpose, size_bytes=len(files[path]) if path in files else None)
        for path, purpose in sorted({**expected, **found}.items(), key=lambda one: (order.index(one[1]), one[0]))
    )


def find_file(path: str, *, files: Mapping[str, bytes]) -> AssignmentFile:
    """The one of this path.

    Raises:
        NotFound: it is not there, and nothing says that it ought to be.
    """
    found = next((each for each in list_files(files) if each.path == path), None)
    if found is None:
        raise NotFound(what="file", name=path)
    return found


def _purpose_by_name(path: str) -> Purpose | None:
    if path in TEMPLATES:
        return Purpose.TEMPLATE
    is_equivalent = path.startswith(f"{EQUIVALENTS}/") and path.endswith(".ipynb")
    return Purpose.EQUIVALENT if is_equivalent else None


def _named_in(spec: bytes | None) -> Mapping[str, Purpose] | None:
    """The files that the YAML names; None where it cannot be read."""
    root = None if spec is None else read_yaml(spec, file=SPEC_FILE, mistakes=MistakeList())
    if root is None:
        return None

    return {path: purpose for purpose in (Purpose.HIDDEN, Purpose.DATA) for path in paths_under(root, purpose.value)}
