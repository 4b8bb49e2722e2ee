"""Nothing of ours but sandbox/kernel is visible in the cage: from the checkout and from an installed wheel."""

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from grader.catalog import bundled

ROOT = Path(__file__).parents[2]

LOOK_AROUND = textwrap.dedent(
    """
    import json, os, sys
    MARKS = (b"reference_solutions", b"rubrics:", b"class SpecDoesNotHold", b"grader.sqlite3", b"GRADER_")
    NAMES = ("torch-tensor", "assignment.yaml", "draw.key", ".sqlite3", "grader", "golden")
    ours, readable = [], []
    for root, folders, files in os.walk("/"):
        folders[:] = [f for f in folders if os.path.join(root, f) not in ("/proc", "/sys", "/usr/share", "/usr/lib")]
        for name in files + folders:
            path = os.path.join(root, name)
            low = path.lower()
            if "site-packages" in path:
                if name == "grader" or "autograd_grader" in low:
                    ours.append(path)
            elif not path.startswith("/opt/app/grader_kernel") and any(word in low for word in NAMES):
                ours.append(path)
        for name in files:
            path = os.path.join(root, name)
            if path.startswith("/opt/app/grader_kernel") or "site-packages" in path:
                continue
            if path.endswith((".py", ".yaml", ".ipynb", ".toml", ".po", ".key")):
                with open(path, "rb") as file:
                    if any(mark in file.read(1 << 20) for mark in MARKS):
                        readable.append(path)
    modules = [name for name in sys.modules if name.startswith("grader") and not name.startswith("grader_kernel")]
    print("FOUND " + json.dumps({
        "ours": ours, "readable": readable, "environ": sorted(os.environ), "root": sorted(os.listdir("/")),
        "app": sorted(os.listdir("/opt/app")), "kernel": sorted(os.listdir("/opt/app/grader_kernel")),
        "modules": modules,
        "path": sys.path,
    }))
    """
)


@pytest.fixture(scope="module")
def looking_notebook(tmp_path_factory):
    cells = [
        {"cell_type": "code", "id": "a", "metadata": {}, "execution_count": None, "outputs": [], "source": LOOK_AROUND}
    ]
    path = tmp_path_factory.mktemp("look") / "look.ipynb"
    path.write_text(json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))
    return path


@pytest.fixture(scope="module")
def installed_wheel(tmp_path_factory):
    """The product as `pip install` unpacks it, without the checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True, timeout=120)
    (wheel,) = folder.glob("*.whl")
    unpack = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target"]
    subprocess.run([*unpack, str(folder / "site"), str(wheel)], check=True, capture_output=True, timeout=120)
    return folder / "site"


def found_inside(notebook: Path, tmp_path: Path, *, package: Path | None) -> dict:
    """Run the notebook through a program that imports the product from `package`, else from the checkout."""
    program = textwrap.dedent(
        """
        import sys
        from pathlib import Path
        import grader
        from grader.domain.execution import Limits
        from grader.notebook.read import read
        from grader.sandbox.runner import SandboxRunner
        print("PRODUCT", grader.__file__)
        with SandboxRunner(Path(sys.argv[2])) as runner:
            execution = runner.run(read(Path(sys.argv[1]).read_bytes()), plan=[], limits=Limits())
        print("".join(output.text for cell in execution.cells for output in cell.outputs))
        """
    )
    environment = os.environ | {"GRADER_DATA_FOLDER": str(tmp_path), "SECRET_OF_THE_HOST": "1"}
    if package is not None:
        environment["PYTHONPATH"] = str(package)
    kernel = ROOT / ".venv-kernel" / "bin" / "python"
    done = subprocess.run(
        [sys.executable, "-c", program, str(notebook), str(kernel)],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    product = next(line for line in done.stdout.splitlines() if line.startswith("PRODUCT"))
    assert str(package or ROOT) in product
    return json.loads(next(line for line in done.stdout.splitlines() if line.startswith("FOUND"))[6:])


@pytest.mark.parametrize("origin", ["checkout", "wheel"])
def test_a_notebook_sees_nothing_of_ours(origin, looking_notebook, tmp_path, request):
    package = request.getfixturevalue("installed_wheel") if origin == "wheel" else None

    found = found_inside(looking_notebook, tmp_path, package=package)

    assert found["ours"] == []
    assert found["readable"] == []
    assert found["modules"] == []
    assert not any(name.startswith(("GRADER", "SECRET")) for name in found["environ"])
    assert found["app"] == ["grader_kernel"]
    names = {path.name for path in (ROOT / "grader" / "sandbox" / "kernel").iterdir()}
    assert set(found["kernel"]) - {"__pycache__"} == names - {"__pycache__"}
    assert set(found["root"]) <= {"bin", "dev", "etc", "lib", "lib64", "opt", "proc", "sbin", "tmp", "usr", "work"} | {
        "lib32",
        "libx32",
        "root",
        "home",
    }


def test_the_wheel_brings_the_bundled_assignments(installed_wheel, tmp_path):
    program = (
        "from grader.catalog import bundled, parse, read_bundle\n"
        "for folder in bundled().values(): print(parse(read_bundle(folder)).assignment.slug, folder)"
    )

    done = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"PYTHONPATH": str(installed_wheel)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )

    found = dict(line.split(" ", 1) for line in done.stdout.splitlines())
    assert found.keys() == bundled().keys()
    assert all(path.startswith(str(installed_wheel)) for path in found.values())


def test_the_wheel_brings_everything_that_pages_are_made_of(installed_wheel):
    def made_of(package: Path) -> set[str]:
        folders = (package / "web" / "static", package / "web" / "templates", package / "feedback" / "locale")
        return {str(file.relative_to(package)) for folder in folders for file in folder.rglob("*") if file.is_file()}

    assert made_of(installed_wheel / "grader") == made_of(ROOT / "grader")
