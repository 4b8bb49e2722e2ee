"""Where things lie, and homework 8 in as many versions as a benchmark wants."""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.append(str(ROOT / "tests" / "support"))

KERNEL_PYTHON = ROOT / ".venv-kernel" / "bin" / "python"
GOLDEN = ROOT / "tests" / "golden" / "torch-tensor"
USUAL = ("full", "partial", "raising")
"""Golden notebooks as students hand them in; those that hang or attack would measure their limits."""
UNUSUAL = (
    *("nbformat_3.ipynb", "windows_and_bom.ipynb"),  # others cannot read them
    *("recursion_in_f.ipynb", "exit_and_input.ipynb"),  # others take ten seconds, or end
    *("colab_roll_call.ipynb", "whole_lecture.ipynb"),  # others wait for a network
)


def homework_8() -> bytes:
    """Homework 8 as students hand it in: seven code cells. The roll call before them would wait for a network."""
    content = json.loads((GOLDEN / "full" / "colab_roll_call.ipynb").read_bytes())
    first = next(place for place, cell in enumerate(content["cells"]) if cell["cell_type"] == "code")
    del content["cells"][first]
    return json.dumps(content).encode()


def fresh_bytes(number: int, *, notebook: bytes | None = None) -> bytes:
    """The notebook with one more comment: the same bytes would return the earlier submission."""
    content = json.loads(notebook or homework_8())
    content["cells"].append({"cell_type": "markdown", "metadata": {}, "source": f"round {number}"})
    return json.dumps(content).encode()


def usual_notebooks(count: int) -> list[bytes]:
    """So many notebooks of homework 8: the golden ones in turn, each different from all others."""
    known = [path for folder in USUAL for path in sorted((GOLDEN / folder).glob("*.ipynb")) if path.name not in UNUSUAL]
    return [fresh_bytes(number, notebook=known[number % len(known)].read_bytes()) for number in range(count)]


def timed(action: Callable[[], object]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start
