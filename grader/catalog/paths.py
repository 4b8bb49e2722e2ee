"""Which files an assignment's YAML names beside itself, and which names are refused before any file is touched."""

from pathlib import PurePosixPath

from grader.catalog.positions import Field

SPEC_FILE = "assignment.yaml"
MAX_FILES = 50
"""Of each kind."""
_MAX_CHARACTERS = 200
_NOTEBOOK_SUFFIX = ".ipynb"


def named_paths(root: Field) -> tuple[str, ...]:
    """The relative paths that `data` and `hidden` name, as far as they can be read."""
    return tuple(dict.fromkeys(path for name in ("data", "hidden") for path in paths_under(root, name)))


def paths_under(root: Field, name: str) -> tuple[str, ...]:
    """Those that one of the two fields names."""
    items = (item.plain for item in root.entries[name].items[:MAX_FILES]) if name in root.entries else ()
    return tuple(path for path in items if isinstance(path, str) and find_fault(path) is None)


def find_fault(path: str) -> str | None:
    """The code of what is wrong with a path as it is written; None where nothing is.

    A path is relative to the assignment's folder and stays in it; ':' parts the name of an array from its file.
    """
    parts = path.split("/")
    if path.startswith(("/", "~")) or ".." in parts or path[1:2] == ":":
        return "data_outside"
    if len(path) > _MAX_CHARACTERS or not path.isprintable() or any(sign in path for sign in '\\:*?"<>|'):
        return "data_path"
    if any(part in ("", ".") or part != part.strip() for part in parts):
        return "data_path"
    if path == SPEC_FILE or PurePosixPath(path).suffix.lower() == _NOTEBOOK_SUFFIX:
        return "data_clash"
    return None
