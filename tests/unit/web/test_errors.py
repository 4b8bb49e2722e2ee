import inspect

from grader import errors
from grader.errors import GraderError, NotebookRefused, StorageFull
from grader.web.errors import STATUS, code_of, status_of

CLASSES = [item for _, item in inspect.getmembers(errors, inspect.isclass) if issubclass(item, GraderError)]


def test_every_error_class_has_a_code_of_its_own():
    codes = [item.code for item in CLASSES]

    assert len(set(codes)) == len(codes)


def test_every_error_class_has_a_status():
    assert set(STATUS) == set(CLASSES)


def test_a_full_disk_is_507():
    assert status_of(StorageFull()) == 507


def test_a_refused_notebook_shows_its_reason():
    assert code_of(NotebookRefused("zip_file")) == "zip_file"


def test_every_class_is_drawn_in_the_tree_of_the_modules_docstring():
    drawn = errors.__doc__

    assert [item.__name__ for item in CLASSES if item.__name__ not in drawn] == []
