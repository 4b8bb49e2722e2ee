"""Assignments from their files: bundled ones by name, others by folder."""

from collections.abc import Mapping
from pathlib import Path

from grader.catalog import Bundle, Loaded, bundled, parse, read_bundle
from grader.errors import NotFound


def read_files(assignment: str) -> Bundle:
    """The files of a bundled assignment by its short name, or of a folder.

    Raises:
        NotFound: neither a bundled assignment nor a folder.
        InvalidAssignment: files that cannot be read.
    """
    known = bundled()
    folder = known.get(assignment, Path(assignment))
    if not folder.is_dir():
        raise NotFound(what="assignment", name=assignment)
    return read_bundle(folder)


def parse_files(files: Mapping[str, bytes], slug: str) -> Loaded:
    """An assignment from its files, wherever they are kept.

    Raises:
        InvalidAssignment: with every mistake.
    """
    return parse(Bundle(slug=slug, files=files))


def load_assignment(assignment: str) -> Loaded:
    """The same, parsed.

    Raises:
        InvalidAssignment: with every mistake.
    """
    return parse(read_files(assignment))
