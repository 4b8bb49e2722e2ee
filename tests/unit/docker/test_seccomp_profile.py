"""The profile is Docker's default and one rule more, as its script makes it."""

import json
import runpy
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[3]
SCRIPT = runpy.run_path(str(CHECKOUT / "scripts" / "seccomp-profile"))
TEXT = (CHECKOUT / "docker" / "seccomp.json").read_text("utf-8")
PROFILE = json.loads(TEXT)
DEFAULT = SCRIPT["strip_cage"](PROFILE)
NEW_NAMESPACE_BITS = 0x7E020000
"""CLONE_NEW*, all of them."""


def rules_for(name, profile):
    return [rule for rule in profile["syscalls"] if name in rule["names"] and rule["action"] == "SCMP_ACT_ALLOW"]


def holds_without_capabilities(rule):
    """Whether a container that dropped all capabilities gets it."""
    return not rule.get("includes", {}).get("caps")


def test_it_is_what_the_script_makes_of_its_own_base():
    assert json.dumps(SCRIPT["add_cage"](DEFAULT), indent="\t") + "\n" == TEXT
    assert len(DEFAULT["syscalls"]) == len(PROFILE["syscalls"]) - 1


@pytest.mark.parametrize("name", SCRIPT["CAGE_CALLS"])
def test_what_builds_the_cage_is_allowed_only_by_our_rule(name):
    allowed = [rule for rule in rules_for(name, DEFAULT) if holds_without_capabilities(rule)]

    masks = [argument["value"] for rule in allowed for argument in rule.get("args", [])]
    assert len(masks) == len(allowed), "the default allows it as it is, so the rule is not needed"
    assert set(masks) <= {NEW_NAMESPACE_BITS}
    assert any(holds_without_capabilities(rule) and not rule.get("args") for rule in rules_for(name, PROFILE))


@pytest.mark.parametrize("name", ["bpf", "chroot", "fsopen", "init_module", "open_by_handle_at", "perf_event_open"])
def test_what_the_cage_does_not_need_stays_refused(name):
    assert PROFILE["defaultAction"] == "SCMP_ACT_ERRNO"
    assert [rule for rule in rules_for(name, PROFILE) if holds_without_capabilities(rule)] == []
