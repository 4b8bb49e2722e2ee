"""Groups of version 2 on a tree that refuses what Linux refuses: no machine of ours has had them yet."""

import errno
import os
from pathlib import Path

import pytest
from group_tree import GroupTree

from grader.domain.execution import Limits
from grader.sandbox.cgroups.groups import Files, Groups
from grader.sandbox.cgroups.places import MAIN, Place, Version

OURS = Path("/sys/fs/cgroup/service")
LIMITS = Limits(memory_bytes=123 << 20, processes=17)
ALL = ("memory", "pids", "cpu")


@pytest.fixture
def tree():
    return GroupTree(OURS, pids=["10", "11"], controllers=ALL)


def groups_of(tree, *, controllers=ALL):
    return Groups(lambda: [Place(version=Version.SECOND, folder=OURS, controllers=controllers)], files=tree)


def fork(tree, pid):
    """A kernel is in the same group as the fork server that it comes from."""
    home = OURS / MAIN if OURS / MAIN in tree.nodes else OURS
    tree.nodes[home].pids.add(str(pid))
    return pid


def test_a_kernel_gets_a_group_with_its_limits(tree):
    group = groups_of(tree).admit(fork(tree, 20), LIMITS)

    (folder,) = group.folders
    node = tree.nodes[folder]
    assert node.pids == {"20"}
    assert node.settings == {
        "memory.max": str(123 << 20),
        "memory.swap.max": "0",
        "memory.oom.group": "1",
        "pids.max": "17",
    }
    assert (group.bounds_memory, group.shares_processor) == (True, True)


def test_our_own_processes_move_down_because_none_may_stand_beside_groups(tree):
    groups_of(tree).admit(fork(tree, 20), LIMITS)

    assert (tree.nodes[OURS].pids, tree.nodes[OURS / MAIN].pids) == (set(), {"10", "11"})


def test_processes_that_start_meanwhile_move_too(tree):
    tree.newcomers = ["13", "12"]

    assert groups_of(tree).admit(fork(tree, 20), LIMITS) is not None
    assert tree.nodes[OURS / MAIN].pids == {"10", "11", "12", "13"}


def test_at_the_root_of_a_machine_processes_may_stay(tree):
    tree = GroupTree(OURS, pids=["1"], controllers=ALL, is_machine_root=True)

    assert groups_of(tree).admit(fork(tree, 20), LIMITS) is not None
    assert tree.nodes[OURS].pids == {"1"}
    assert OURS / MAIN not in tree.nodes


def test_kernels_together_have_half_the_processor_of_what_else_we_do(tree):
    groups_of(tree).admit(fork(tree, 20), LIMITS)

    (home,) = set(tree.list_groups(OURS)) - {OURS / MAIN}
    assert tree.nodes[home].settings == {"cpu.weight": "50"}


def test_without_the_processor_s_controller_memory_is_bounded_all_the_same(tree):
    group = groups_of(tree, controllers=("memory",)).admit(fork(tree, 20), LIMITS)

    assert (group.bounds_memory, group.shares_processor) == (True, False)


def test_a_group_is_used_again_once_its_kernel_has_gone_and_never_by_two(tree):
    groups = groups_of(tree)
    first = groups.admit(fork(tree, 20), LIMITS)
    second = groups.admit(fork(tree, 21), LIMITS)
    assert first.folders != second.folders

    tree.end("20")
    first.release()
    again = groups.admit(fork(tree, 22), Limits(memory_bytes=1 << 20))

    assert again is first
    assert tree.nodes[next(iter(again.folders))].settings["memory.max"] == str(1 << 20)


def test_what_lives_on_in_a_group_is_ended_and_the_group_not_used_again(tree):
    groups = groups_of(tree)
    first = groups.admit(fork(tree, 20), LIMITS)
    first.release()

    assert first.is_empty()
    assert groups.admit(fork(tree, 21), LIMITS).folders != first.folders


def test_running_out_is_told_of_the_kernel_that_did_and_not_of_the_next(tree):
    groups = groups_of(tree)
    group = groups.admit(fork(tree, 20), LIMITS)
    assert not group.has_run_out()
    tree.run_out(next(iter(group.folders)))
    assert group.has_run_out()

    group.release()
    assert groups.admit(fork(tree, 21), LIMITS) is group
    assert not group.has_run_out()


def test_at_the_end_nothing_is_left_and_groups_can_be_made_anew(tree):
    groups = groups_of(tree)
    for _ in range(2):
        group = groups.admit(fork(tree, 20), LIMITS)
        tree.end("20")
        group.release()
        groups.close()
        assert set(tree.nodes) == {OURS, OURS / MAIN}


def test_what_a_killed_service_left_behind_is_removed_and_what_is_in_use_stays(tree):
    left, used = OURS / "grader-kernels-left", OURS / "grader-kernels-used"
    for folder in (left, left / "0", used, used / "0", OURS / "somebody-else"):
        tree.make(folder)
    tree.locked.add(used)

    groups_of(tree).admit(fork(tree, 20), LIMITS)

    assert left not in tree.nodes
    assert {used, used / "0", OURS / "somebody-else"} <= set(tree.nodes)


def test_a_folder_that_a_neighbour_takes_for_a_left_one_is_made_again(tree):
    lock = tree.lock
    stolen = []

    def lock_late(folder):
        if not stolen:
            stolen.append(folder)
            tree.remove(folder)
        return lock(folder)

    tree.lock = lock_late
    group = groups_of(tree).admit(fork(tree, 20), LIMITS)

    assert next(iter(group.folders)).parent not in stolen


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS, errno.EBUSY], ids=errno.errorcode.get)
def test_where_linux_refuses_there_are_no_groups_and_it_is_not_asked_again(tree, number):
    asked = []

    def refuse(folder):
        asked.append(folder)
        raise OSError(number, "refused")

    tree.make = refuse
    groups = groups_of(tree)

    assert [groups.admit(fork(tree, pid), LIMITS) for pid in (20, 21)] == [None, None]
    assert len(asked) == 1
    groups.close()


def test_a_kernel_that_ended_before_it_was_let_in_has_no_group(tree):
    groups = groups_of(tree)
    assert groups.admit(99, LIMITS) is None

    assert groups.admit(fork(tree, 20), LIMITS).folders == {folder for folder in tree.nodes if folder.name == "0"}


def test_files_are_read_and_written_as_they_are(tmp_path):
    files = Files()
    (tmp_path / "limit").write_text("max\n")

    files.write(tmp_path / "limit", "4096")

    assert files.read(tmp_path / "limit").startswith("4096")
    with pytest.raises(FileNotFoundError):
        files.write(tmp_path / "memory.swap.max", "0")
    assert list(tmp_path.iterdir()) == [tmp_path / "limit"]


def test_a_folder_has_one_holder(tmp_path):
    files = Files()
    held = files.lock(tmp_path)
    assert files.lock(tmp_path) is None
    os.close(held)
    again = files.lock(tmp_path)
    assert again is not None
    os.close(again)
