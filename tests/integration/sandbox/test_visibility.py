"""Nothing of ours but sandbox/kernel is visible inside."""

from pathlib import Path

from grader.sandbox.box import KERNEL_FOLDER

_LIST_ALL = """
import os
found = []
for folder, folders, files in os.walk('/'):
    folders[:] = [f for f in folders if os.path.join(folder, f) not in ('/proc', '/usr', '/opt/venv', '/dev')]
    found += [os.path.join(folder, f) for f in files]
print('\\n'.join(found))
"""


def test_only_our_kernel_folder_is_inside(run_cells, printed):
    found = set(printed(run_cells(_LIST_ALL), 0).split())

    ours = {f"/opt/app/grader_kernel/{path.relative_to(KERNEL_FOLDER)}" for path in KERNEL_FOLDER.rglob("*")}
    assert found <= ours


def test_no_module_of_ours_can_be_imported_or_found_in_memory(run_cells, printed):
    execution = run_cells(
        "import sys, importlib.util\n"
        "print(importlib.util.find_spec('grader'), [m for m in sys.modules if m.startswith('grader.')])\n"
        "print([p for p in sys.path if 'main' in p or 'grader' in p and not p.startswith('/opt/app')])"
    )

    assert printed(execution, 0) == "None []\n[]\n"


def test_checkout_is_not_named_in_the_mounts(run_cells, printed):
    checkout = Path(__file__).parents[3]

    mounts = printed(run_cells("print(open('/proc/self/mounts').read())"), 0)

    assert str(checkout) not in mounts


def test_environment_variables_are_cleared(run_cells, printed, monkeypatch):
    monkeypatch.setenv("DATABASE_PASSWORD", "swordfish")

    assert "swordfish" not in printed(run_cells("!cat /proc/self/environ; env"), 0)
