"""An assignment's files as they lie in a folder, and where the bundled ones lie."""

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import grader
from grader.catalog.mistakes import MistakeList, Place
from grader.catalog.paths import MAX_FILES, SPEC_FILE, named_paths
from grader.catalog.positions import read_yaml
from grader.domain.text import Fact, Language, Note
from grader.errors import InvalidAssignment

REFERENCE_FILE = "reference.ipynb"
TEMPLATES = tuple(f"template.{language}.ipynb" for language in Language)
"""What students start from."""
EQUIVALENTS = "equivalents"
"""The folder of other right solutions, for the self-test."""
MAX_BUNDLED_FILE_BYTES = 50_000_000
MAX_DATA_FILE_BYTES = 20_000_000
MAX_DATA_BYTES = 40_000_000


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """The bytes of one assignment. A file that was not there is absent; `parse` says so."""

    slug: str
    """The folder's name."""
    files: Mapping[str, bytes]
    """By name within the bundle: 'assignment.yaml', 'reference.ipynb', 'data/digits.npz', 'template.ja.ipynb',
    'equivalents/loop.ipynb'."""
    refused: Mapping[str, Note] = field(default_factory=dict)
    """Why a data file that the YAML names is not among the files although something of its name is there."""
    origin: Mapping[str, str] = field(default_factory=dict)
    """Where each file was or should have been, as people are told."""

    def shown_name(self, name: str) -> str:
        return self.origin.get(name, name)


def read_bundle(folder: Path) -> Bundle:
    """Read an assignment's folder.

    The reference lies beside the YAML as reference.ipynb or, where folders are kept as `assignments/<slug>`, as
    `reference_solutions/<slug>.ipynb` beside `assignments`.

    Of the data files that the YAML names only those inside the folder are read; symbolic links may not lead out of it.

    Raises:
        InvalidAssignment: there is no such folder, or the YAML or the reference cannot be read.
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
    files |= _read_companions(folder, mistakes=mistakes)
    if mistakes:
        raise InvalidAssignment(mistakes.in_order)
    refused: dict[str, Note] = {}
    for name in _data_paths(files.get(SPEC_FILE)):
        found = _read_data_file(folder, name, left_bytes=MAX_DATA_BYTES - _size_of_data(files))
        if isinstance(found, bytes):
            files[name] = found
        elif found is not None:
            refused[name] = found
    return Bundle(
        slug=folder.name, files=files, refused=refused, origin={name: str(path) for name, path in paths.items()}
    )


def bundled() -> Mapping[str, Path]:
    """The assignments that come with the product, by slug: from the installed package or from the checkout."""
    package = Path(grader.__file__).parent
    for root in (package / "bundled" / "assignments", package.parent / "assignments"):
        if root.is_dir():
            return {folder.name: folder for folder in sorted(root.iterdir()) if (folder / SPEC_FILE).is_file()}
    return {}


def _read_companions(folder: Path, *, mistakes: MistakeList) -> dict[str, bytes]:
    """Notebooks that may lie beside the YAML without being named in it."""
    equivalents = sorted(path.name for path in (folder / EQUIVALENTS).glob("*.ipynb"))
    if len(equivalents) > MAX_FILES:
        mistakes.add("too_long", at=Place(file=str(folder / EQUIVALENTS), line=1), limit=MAX_FILES)
        equivalents = []
    found: dict[str, bytes] = {}
    for name in (*TEMPLATES, *(f"{EQUIVALENTS}/{name}" for name in equivalents)):
        data = _read_data_file(folder, name, left_bytes=MAX_DATA_BYTES - sum(map(len, found.values())))
        if isinstance(data, bytes):
            found[name] = data
        elif data is not None:
            place = Place(file=str(folder / name), line=1)
            mistakes.add(data.code.removeprefix("catalog."), at=place, **data.facts)
    return found


def _data_paths(spec: bytes | None) -> tuple[str, ...]:
    """The data files that are named; what else is wrong with the YAML is for `parse` to say."""
    root = None if spec is None else read_yaml(spec, file=SPEC_FILE, mistakes=MistakeList())
    return () if root is None else named_paths(root)


def _size_of_data(files: Mapping[str, bytes]) -> int:
    return sum(len(data) for name, data in files.items() if not name.endswith((SPEC_FILE, ".ipynb")))


def _read_data_file(folder: Path, name: str, *, left_bytes: int) -> bytes | Note | None:
    """The file's bytes, why it is not read, or None where there is nothing."""
    try:
        path = Path(os.path.realpath(folder / name, strict=True))  # Path.resolve hides loops of links
        if not path.is_relative_to(os.path.realpath(folder)):
            return _refusal("data_outside", name=name)
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):  # reading a pipe would wait for ever
            return _refusal("data_not_a_file", name=name)
        if status.st_size > MAX_DATA_FILE_BYTES:
            return _refusal("file_too_large", size_bytes=status.st_size, limit_bytes=MAX_DATA_FILE_BYTES)
        if status.st_size > left_bytes:
            return _refusal("data_too_large", limit_bytes=MAX_DATA_BYTES)
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        return _refusal("file_unreadable", reason=error.strerror or type(error).__name__)


def _refusal(code: str, **facts: Fact) -> Note:
    return Note(code=f"catalog.{code}", facts=facts)


def _reference_of(folder: Path) -> Path:
    beside = folder / REFERENCE_FILE
    if not beside.exists() and folder.parent.name == "assignments":
        return folder.parent.parent / "reference_solutions" / f"{folder.name}.ipynb"
    return beside
