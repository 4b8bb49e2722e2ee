"""How many cells give what they give in stock Jupyter: the test that compares them, counted.

.venv/bin/python benchmarks/fidelity.py
"""

import subprocess
import sys
import tempfile
from pathlib import Path
from xml.etree import ElementTree

from places import ROOT
from rows import Row, print_table

WANTED_CELLS = 40


def main() -> None:
    print_table(measure())


def measure() -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        test = ROOT / "tests" / "integration" / "test_fidelity.py"
        command = [sys.executable, "-m", "pytest", "-q", "-k", "stock_jupyter", f"--junitxml={report}", str(test)]
        subprocess.run(command, cwd=ROOT, check=False, capture_output=True)
        suite = ElementTree.parse(report).getroot()[0]  # noqa: S314 - pytest wrote it a moment ago
    cells, failed = int(suite.attrib["tests"]), int(suite.attrib["failures"]) + int(suite.attrib["errors"])
    return [
        Row(
            name="cells as in stock Jupyter",
            value=cells - failed,
            unit="cells",
            more_is_better=True,
            wanted=WANTED_CELLS,
        ),
        Row(name="cells that differ where they should not", value=failed, unit="cells", wanted=0),
    ]


if __name__ == "__main__":
    main()
