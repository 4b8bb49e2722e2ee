"""Every assignment that the documentation shows holds: its reference earns full points in the real sandbox."""

import pytest
from documentation import CHECKS_PAGE, read_examples

from grader.catalog import parse
from grader.flow.prove import prove

EXAMPLES = {example.name: example for example in read_examples(CHECKS_PAGE.read_text("utf-8"))}


@pytest.mark.parametrize("example", EXAMPLES.values(), ids=EXAMPLES)
def test_an_example_earns_full_points(example, sandbox_runner):
    loaded = parse(example.bundle)

    expected = prove(loaded, runner=sandbox_runner, secret=b"documentation")

    assert expected.version == loaded.assignment.version
