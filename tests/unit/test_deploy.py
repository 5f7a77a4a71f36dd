"""The files by which others start Herald: they cannot be run here, but they can be held to their schemas."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from ray.autoscaler._private.util import prepare_config, validate_config

from herald.settings import Settings, load_settings

ROOT = Path(__file__).resolve().parents[2]


def document(path: str) -> dict[Any, Any]:
    loaded = yaml.safe_load((ROOT / path).read_text("utf-8"))
    assert isinstance(loaded, dict)
    return loaded


def test_the_cluster_file_fits_rays_schema() -> None:
    validate_config(prepare_config(document("ray-cluster.yaml")))


def test_rays_schema_would_find_a_mistake() -> None:
    with pytest.raises(Exception, match="ssh_users"):
        validate_config({**document("ray-cluster.yaml"), "ssh_users": []})


def test_the_cluster_installs_what_the_makefile_installs() -> None:
    cluster = document("ray-cluster.yaml")
    commands = " ".join(cluster["setup_commands"])
    targets = re.findall(r"make ([a-z-]+)", commands)
    makefile = (ROOT / "Makefile").read_text("utf-8")
    assert targets == ["setup"]
    assert all(re.search(rf"^{target}:", makefile, re.MULTILINE) for target in targets)


def test_the_services_profile_of_the_compose_file_is_whole() -> None:
    given = document("deploy/docker-compose.yml")["services"]["herald"]["environment"]
    known = {f"HERALD_{name.upper()}": name for name in Settings.model_fields}
    assert set(given) <= set(known), "a variable that Herald does not read"
    settings = load_settings(**{known[name]: value for name, value in given.items()})
    assert (settings.profile, settings.bus) == ("services", "kafka")


def test_the_compose_file_opens_ports_on_loopback_only() -> None:
    services = document("deploy/docker-compose.yml")["services"]
    ports = [port for service in services.values() for port in service.get("ports", ())]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_the_compose_file_holds_no_password() -> None:
    text = (ROOT / "deploy" / "docker-compose.yml").read_text("utf-8")
    assert not re.search(r"(?i)password: (?!\$\{)", text)
    assert not re.search(r"://\w+:(?!\$\{)[^/\s@]+@", text)


def test_every_service_that_herald_waits_for_is_in_the_compose_file() -> None:
    services = document("deploy/docker-compose.yml")["services"]
    for name, service in services.items():
        for needed, how in service.get("depends_on", {}).items():
            assert needed in services, f"{name} waits for {needed}"
            assert how["condition"] != "service_healthy" or "healthcheck" in services[needed], needed


def test_the_image_copies_only_what_is_there() -> None:
    dockerfile = (ROOT / "deploy" / "Dockerfile").read_text("utf-8")
    sources = [
        word for line in re.findall(r"^COPY (?:--\S+ )*(.+)$", dockerfile, re.MULTILINE) for word in line.split()[:-1]
    ]
    assert sources
    assert [source for source in sources if not (ROOT / source).exists()] == []


def test_continuous_integration_runs_the_commands_of_the_readme() -> None:
    jobs = document(".github/workflows/ci.yml")["jobs"]
    commands = {step["run"] for job in jobs.values() for step in job["steps"] if "run" in step}
    assert commands == {"make check", "make test"}
