"""Where control groups may be made is read off the machine's own files, and nobody else's group is touched."""

import os
from pathlib import Path

import pytest

from grader.sandbox.cgroups import places
from grader.sandbox.cgroups.places import Place, Version, find_places

SECOND = "30 23 0:27 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n"
FIRSTS = "".join(
    f"3{number} 31 0:3{number} {{inside}} /sys/fs/cgroup/{name} rw shared:4 - cgroup cgroup rw,{name}\n"
    for number, name in enumerate(("cpu,cpuacct", "memory", "pids"))
)
SYSTEMD_ONLY = "40 31 0:40 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd\n"


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """Files of /proc and /sys, groups by their folder; `delegated` ones carry systemd's mark."""

    def make(*, mountinfo, own, groups, delegated=(), refused=()):
        def put(path, words):
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_text(words)

        put("proc/self/mountinfo", "22 1 0:20 / /proc rw - proc proc rw\n" + mountinfo)
        put("proc/self/cgroup", own)
        for group, controllers in groups.items():
            for name in ("cgroup.procs", "cgroup.subtree_control"):
                put(f"sys/fs/cgroup/{group}/{name}", "")
            put(f"sys/fs/cgroup/{group}/cgroup.controllers", controllers)

        def getxattr(path, name):
            if name == "user.delegate" and str(Path(path).relative_to(tmp_path / "sys/fs/cgroup")) in delegated:
                return b"1"
            raise OSError

        def access(path, mode):
            return not any(Path(path).is_relative_to(tmp_path / "sys/fs/cgroup" / one) for one in refused)

        monkeypatch.setattr(places.os, "getxattr", getxattr)
        monkeypatch.setattr(places.os, "access", access)
        return tmp_path

    return make


def seen(root):
    return [
        (place.version, str(place.folder.relative_to(root / "sys/fs/cgroup")), place.controllers)
        for place in find_places(root)
    ]


SERVICE = "system.slice/grader.service"


@pytest.mark.parametrize(
    ("own", "groups", "found"),
    [
        pytest.param(f"/{SERVICE}", {SERVICE: "cpuset cpu io memory pids"}, ("memory", "pids", "cpu"), id="all"),
        pytest.param(f"/{SERVICE}", {SERVICE: "memory pids"}, ("memory", "pids"), id="none for the processor"),
        pytest.param(
            f"/{SERVICE}/grader-main",
            {SERVICE: "memory", f"{SERVICE}/grader-main": "memory"},
            ("memory",),
            id="where a worker before us has moved all of us",
        ),
    ],
)
def test_what_systemd_delegates_is_ours(machine, own, groups, found):
    root = machine(mountinfo=SECOND, own=f"0::{own}\n", groups=groups, delegated=[SERVICE])

    assert seen(root) == [(Version.SECOND, SERVICE, found)]


@pytest.mark.parametrize(
    ("facts", "own"),
    [
        pytest.param({"groups": {SERVICE: "memory"}}, SERVICE, id="not delegated"),
        pytest.param({"groups": {SERVICE: "cpu pids"}, "delegated": [SERVICE]}, SERVICE, id="none for memory"),
        pytest.param(
            {"groups": {SERVICE: "memory"}, "delegated": [SERVICE], "refused": [SERVICE]}, SERVICE, id="read-only"
        ),
        pytest.param(
            {"groups": {SERVICE: "memory"}, "delegated": [SERVICE], "refused": [f"{SERVICE}/cgroup.procs"]},
            SERVICE,
            id="processes of another user",
        ),
        pytest.param({"groups": {SERVICE: "memory"}, "delegated": [SERVICE]}, "../other", id="not in sight"),
        pytest.param({"groups": {SERVICE: "memory"}, "delegated": [SERVICE]}, "gone", id="not there"),
    ],
)
def test_what_is_not_ours_is_left_alone(machine, facts, own):
    assert seen(machine(mountinfo=SECOND, own=f"0::/{own}\n", **facts)) == []


@pytest.mark.parametrize("own", ["/", "/grader-main"], ids=["first", "after a worker before us"])
def test_the_root_of_a_container_s_groups_is_the_container_s(machine, own):
    root = machine(mountinfo=SECOND, own=f"0::{own}\n", groups={".": "memory pids", "grader-main": "memory pids"})

    assert seen(root) == [(Version.SECOND, ".", ("memory", "pids"))]


OWN_FIRST = "9:name=systemd:/\n4:memory:/jobs/a b\n1:cpu,cpuacct:/jobs\n0::/\n"


def test_version_1_is_used_hierarchy_by_hierarchy_below_the_group_we_are_in(machine):
    root = machine(
        mountinfo=FIRSTS.format(inside="/") + SYSTEMD_ONLY,
        own=OWN_FIRST,
        groups={"memory/jobs/a b": "", "cpu,cpuacct/jobs": ""},
    )

    assert seen(root) == [
        (Version.FIRST, "memory/jobs/a b", ("memory",)),
        (Version.FIRST, "cpu,cpuacct/jobs", ("cpu",)),
    ]


def test_a_hierarchy_that_is_read_only_is_done_without(machine):
    groups = {"memory/jobs/a b": "", "cpu,cpuacct/jobs": ""}
    root = machine(mountinfo=FIRSTS.format(inside="/"), own=OWN_FIRST, groups=groups, refused=["memory/jobs"])

    assert seen(root) == [(Version.FIRST, "cpu,cpuacct/jobs", ("cpu",))]


def test_a_container_sees_its_own_part_of_a_hierarchy(machine):
    root = machine(mountinfo=FIRSTS.format(inside="/jobs"), own=OWN_FIRST, groups={"memory/a b": "", "cpu,cpuacct": ""})

    assert [folder for _, folder, _ in seen(root)] == ["memory/a b", "cpu,cpuacct"]


def test_paths_with_spaces_are_read(machine):
    root = machine(
        mountinfo=SECOND.replace("/sys/fs/cgroup", r"/sys/fs/cgroup/with\040space"),
        own="0::/\n",
        groups={"with space": "memory"},
    )

    assert seen(root) == [(Version.SECOND, "with space", ("memory",))]


def test_a_machine_without_any_has_none(tmp_path):
    assert find_places(tmp_path) == ()


def test_this_machine_can_be_looked_at():
    for place in find_places():
        assert isinstance(place, Place)
        assert os.access(place.folder, os.W_OK)
