"""The canary's answers become lines: only what is known to be refused counts, and silence never does."""

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.domain.cage import LineState, not_proved
from grader.domain.execution import Limits
from grader.domain.text import Language
from grader.domain.values import MappingValue, OpaqueValue, ScalarValue
from grader.feedback.catalogue import known_codes
from grader.sandbox import canary
from grader.sandbox.box import KERNEL_FOLDER, MACHINES
from grader.sandbox.canary.rules import Host, judge, rules

HOST = Host(
    limits=Limits(),
    namespaces={"net": "net:[1]", "pid": "pid:[2]"},
    environment={"HOME": "/home/ann", "TOKEN": "of the service", "PAGER": "cat"},
    host_files=("/etc/shadow",),
)
ATTEMPTS = Path(canary.__file__).with_name("attempts.py").read_text("utf-8")

HELD = {
    "mounts": dict.fromkeys(("mount", "chroot", "open_tree", "fsopen"), "EPERM"),
    "new_namespaces": dict.fromkeys(("user", "mount", "network", "process", "clone"), "EPERM") | {"clone3": "ENOSYS"},
    "tracing": {"traceme": "EPERM", "process_vm_readv": "EPERM"},
    "io_uring": {"io_uring_setup": "EPERM"},
    "userfaultfd": {"userfaultfd": "EPERM"},
    "bpf": {"prog_load": "EPERM"},
    "perf_events": {"perf_event_open": "EACCES"},
    "keyring": {"keyctl": "EPERM", "add_key": "EPERM"},
    "shared_memory": {"shmget": "EPERM", "mq_open": "EPERM"},
    "sockets": dict.fromkeys(("inet", "inet6", "netlink", "packet", "bluetooth", "alg", "vsock"), "EAFNOSUPPORT"),
    "outside_sockets": {"abstract": "ECONNREFUSED", "path": "ENOENT"},
    "processes": {"pid": "1", "parent": "0", "group": "1", "kill": "ESRCH", "listed": "", "root of 1": "own"},
    "own_namespaces": {"net": "net:[3]", "pid": "pid:[4]"},
    "host_files": {"/etc/shadow": "ENOENT"},
    "system_settings": {"sys/kernel/core_pattern": "EACCES", "sysrq-trigger": "ENOENT", "kcore": "ENOENT"},
    "writing": {"/": "EROFS", "/usr": "EROFS", "/opt": "EROFS", "not read-only": ""},
    "privileges": {"setuid": "EINVAL", "setgid": "EINVAL", "setgroups": "EPERM"},
    "capabilities": dict.fromkeys(("effective", "permitted", "inheritable", "bounding", "ambient"), "0"),
    "lockdown": {"no_new_privs": "1", "seccomp": "2"},
    "descriptors": {"0": "device", "1": "own file", "2": "own file", "3": "socket", "7": "epoll"},
    "environment": {"PATH": "/usr/bin", "HOME": "/work", "PAGER": "cat"},
    "raising_limits": dict.fromkeys(
        ("RLIMIT_NPROC", "RLIMIT_DATA", "RLIMIT_FSIZE", "RLIMIT_CPU", "RLIMIT_NOFILE"), "EPERM"
    ),
    "bounds": {"processes": "64", "data": "9999", "file": "9999", "cpu": "9", "descriptors": "512", "core": "0"},
    "exhaustion": {"memory": "ENOMEM", "file": "EFBIG", "processes": "63"},
}
"""A report of a cage that holds."""


def text(value):
    return ScalarValue(type_name="str", value=value)


def as_value(report):
    return MappingValue(
        items=tuple(
            (text(name), MappingValue(items=tuple((text(what), text(answer)) for what, answer in seen.items())))
            for name, seen in report.items()
        )
    )


def states(report):
    return {line.name: line.state for line in judge(as_value(report), HOST)}


def test_a_cage_that_holds_is_proved_by_every_line():
    assert states(HELD) == dict.fromkeys((rule.name for rule in rules(HOST)), LineState.OK)
    assert states(HELD).keys() == HELD.keys()


@pytest.mark.parametrize("name", HELD)
def test_each_attempt_that_succeeds_is_told_on_its_own_line_alone(name):
    for what in HELD[name]:
        broken = HELD | {name: HELD[name] | {what: "done"}}
        if name == "environment":
            broken = HELD | {name: HELD[name] | {"GRADER_TOKEN": "x"}}

        told = {line.name: line for line in judge(as_value(broken), HOST) if line.state is not LineState.OK}

        assert told.keys() == {name}
        assert told[name].state is LineState.NOT_OK
        assert (what if name != "environment" else "GRADER_TOKEN") in told[name].found


@pytest.mark.parametrize("name", HELD)
def test_an_attempt_without_an_answer_proves_nothing(name):
    silent = {line: seen for line, seen in HELD.items() if line != name}
    assert states(silent)[name] is LineState.UNKNOWN
    (needed,) = [rule.needs for rule in rules(HOST) if rule.name == name]
    for what in needed:
        part = {each: answer for each, answer in HELD[name].items() if each != what}
        assert states(HELD | {name: part})[name] is LineState.UNKNOWN


@pytest.mark.parametrize(
    "report",
    [
        None,
        text("held"),
        OpaqueValue(type_name="object", reason="type"),
        MappingValue(items=((text("mounts"), text("EPERM")),)),
        MappingValue(items=((ScalarValue(type_name="int", value=1), MappingValue(items=())),)),
    ],
    ids=["no reply", "a text", "another type", "a line that is no dict", "keys that are no names"],
)
def test_a_report_that_is_none_proves_nothing(report):
    assert {line.state for line in judge(report, HOST)} == {LineState.UNKNOWN}


@given(
    report=st.dictionaries(
        st.sampled_from(sorted(HELD)), st.dictionaries(st.text(max_size=8), st.text(max_size=8), max_size=4), max_size=4
    )
)
def test_no_other_report_passes(report):
    told = judge(as_value(report), HOST)

    assert not_proved(told) == told
    assert all(line.found.isprintable() and len(line.found) <= 300 for line in told)


@pytest.mark.parametrize(
    ("name", "what", "answer"),
    [
        pytest.param("own_namespaces", "net", "net:[1]", id="the host's own network"),
        pytest.param("own_namespaces", "net", "pid:[9]", id="an answer to another question"),
        pytest.param("environment", "TOKEN", "of the service", id="a variable of the host with the host's value"),
        pytest.param("descriptors", "8", "socket", id="a second way out"),
        pytest.param("descriptors", "8", "file", id="a namespace or another's file"),
        pytest.param("writing", "not read-only", "/leak", id="a place that only another user may write"),
        pytest.param("writing", "/opt", "EINVAL", id="an error that may mean a bad attempt"),
        pytest.param("processes", "kill", "EPERM", id="somebody is there who may not be killed"),
        pytest.param("processes", "listed", "42", id="somebody is seen"),
        pytest.param("bounds", "processes", "-1", id="as many processes as one likes"),
        pytest.param("bounds", "processes", "65", id="more processes than asked for"),
        pytest.param("exhaustion", "processes", "72", id="processes without end"),
        pytest.param("lockdown", "seccomp", "0", id="no filter"),
        pytest.param("capabilities", "bounding", "41", id="capabilities to come by"),
    ],
)
def test_an_answer_that_is_not_as_it_must_be_is_no_proof(name, what, answer):
    assert states(HELD | {name: HELD[name] | {what: answer}})[name] is LineState.NOT_OK


@pytest.mark.parametrize(
    ("name", "what", "answer"),
    [
        pytest.param("own_namespaces", "net", "ENOENT", id="an empty /proc, as in a container"),
        pytest.param("processes", "root of 1", "ENOENT", id="the same"),
        pytest.param("environment", "TOKEN", "", id="an empty variable of the same name"),
        pytest.param("environment", "HOME", "/home/ann", id="a variable that the cage sets"),
        pytest.param("descriptors", "9", "own socket", id="what an event loop makes"),
    ],
)
def test_what_is_no_leak_is_not_taken_for_one(name, what, answer):
    assert states(HELD | {name: HELD[name] | {what: answer}})[name] is LineState.OK


def test_every_line_has_its_words():
    assert {f"canary.{rule.name}" for rule in rules(HOST)} == {
        code for code in known_codes(Language.EN) if code.startswith("canary.")
    }


@pytest.mark.parametrize("processor", MACHINES)
def test_every_system_call_that_is_tried_has_a_number(processor):
    table = json.loads((KERNEL_FOLDER / "syscalls.json").read_text("utf-8"))
    tried = set(re.findall(r'_call(?:\(|, )"(\w+)"', ATTEMPTS))

    assert len(tried) > 15
    assert tried <= table[processor].keys()
