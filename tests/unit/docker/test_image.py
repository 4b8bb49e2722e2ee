"""Dockerfile and compose file fit the rest of the checkout: files, constraints, settings."""

import re
import runpy
import tomllib
from itertools import pairwise
from pathlib import Path

import pytest
import yaml

from grader.domain.execution import Limits
from grader.settings import Settings

CHECKOUT = Path(__file__).parents[3]
DOCKER = CHECKOUT / "docker"
DOCKERFILE = (DOCKER / "Dockerfile").read_text("utf-8")
COMPOSE = (DOCKER / "compose.yaml").read_text("utf-8")
SCRIPT = runpy.run_path(str(CHECKOUT / "scripts" / "image-check"))
SERVICES = SCRIPT["read_services"](COMPOSE)


def instructions(name, text=DOCKERFILE):
    joined = re.sub(r"\\\n", " ", re.sub(r"^ *#.*\n", "", text, flags=re.MULTILINE))
    return [line.partition(" ")[2] for line in joined.splitlines() if line.startswith(f"{name} ")]


def environment_of(text):
    return dict(re.findall(r"\b(GRADER_\w+)=(\S+)", text))


@pytest.mark.parametrize("name", ["Dockerfile", "checks.Dockerfile"])
def test_packages_come_from_the_constraints_alone(name):
    commands = instructions("RUN", (DOCKER / name).read_text("utf-8"))
    installs = [part for command in commands for part in re.split(r"&&", command) if " install --quiet" in part]

    assert installs
    assert all(re.search(r"PIP_CONSTRAINT=\S+/constraints(-kernel)?\.txt", install) for install in installs)
    assert not re.search(r"\w[=<>~]=\d", "".join(commands)), "a version stands here, beside the constraints"


def test_what_is_copied_is_there_and_not_kept_back():
    ignored = (CHECKOUT / ".dockerignore").read_text("utf-8").split()
    copied = {word for line in instructions("COPY") if "--from" not in line for word in line.split()[:-1]}

    assert {name for name in copied if not (CHECKOUT / name).exists()} == set()
    assert {f"!{name}" for name in copied} == {word for word in ignored if word.startswith("!")}


def test_the_wheel_finds_all_that_it_is_made_of():
    wheel = tomllib.loads((CHECKOUT / "pyproject.toml").read_text("utf-8"))
    project, targets = wheel["project"], wheel["tool"]["hatch"]["build"]["targets"]["wheel"]
    copied = {word for line in instructions("COPY") for word in line.split()}

    wanted = {project["readme"], *project["license-files"], *targets["packages"], *targets["force-include"]}
    assert wanted - copied == set()


def test_the_image_runs_as_a_number_that_is_not_root():
    assert instructions("USER")[-1] == "10001:10001"


@pytest.mark.parametrize(
    "given",
    [
        pytest.param(environment_of(DOCKERFILE), id="Dockerfile"),
        *(pytest.param(service["environment"], id=name) for name, service in SERVICES.items()),
    ],
)
def test_only_settings_that_exist_are_set_and_to_values_they_may_have(monkeypatch, given):
    known = {f"GRADER_{name}".upper() for name in Settings.model_fields}
    for name, value in given.items():
        monkeypatch.setenv(name, value)

    assert given.keys() - known == set()
    assert Settings()


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_is_shut_in(name):
    service = SERVICES[name]

    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert set(service["security_opt"]) == {"no-new-privileges:true", "seccomp:seccomp.json"}
    assert not service.get("privileged")


def test_a_worker_has_room_for_its_notebook_and_no_network():
    worker = SERVICES["worker"]

    assert int(worker["mem_limit"].removesuffix("g")) * 1024**3 >= 2 * Limits().memory_bytes
    assert worker["network_mode"] == "none"


def test_the_image_check_starts_what_the_compose_file_says(tmp_path):
    options = SCRIPT["run_options"](SERVICES["worker"], volume="one", folder=tmp_path)

    pairs = set(pairwise(options))
    assert pairs >= {("--network", "none"), ("--volume", "one:/data"), ("--tmpfs", "/tmp"), ("--memory", "4g")}
    assert pairs >= {("--security-opt", f"seccomp={tmp_path}/seccomp.json"), ("--cap-drop", "ALL")}
    assert "--read-only" in options


def test_the_image_check_tells_what_it_cannot_try(tmp_path):
    check_failed = SCRIPT["CheckFailed"]

    with pytest.raises(check_failed, match="devices"):
        SCRIPT["run_options"]({"devices": ["/dev/kvm"]}, volume="one", folder=tmp_path)


def test_the_gpu_file_changes_services_that_there_are():
    added = yaml.safe_load((DOCKER / "compose.cuda.yaml").read_text("utf-8"))

    assert added["services"].keys() <= SERVICES.keys()
