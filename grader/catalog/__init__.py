"""An author's files, `assignments/<slug>/assignment.yaml` and its reference notebook, into an Assignment."""

from grader.catalog.bundle import Bundle, bundled, read_bundle
from grader.catalog.load import Loaded, parse
from grader.catalog.schema import assignment_schema

__all__ = ["Bundle", "Loaded", "assignment_schema", "bundled", "parse", "read_bundle"]
