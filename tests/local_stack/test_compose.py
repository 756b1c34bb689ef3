"""docker-compose.yml and .env: every rule holds for the file, and finds what it is there for."""

import copy
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from agent_otel.local_stack import tools
from agent_otel.local_stack.plan import EXPORT, Plan
from tests.local_stack import compose_rules as rules

_COMPOSE: dict[str, Any] = yaml.safe_load((rules.ROOT / "docker-compose.yml").read_text())


@pytest.mark.parametrize("rule", rules.RULES, ids=lambda rule: rule.__name__)
def test_the_file_obeys(rule: rules.Rule) -> None:
    """No rule finds anything."""
    assert list(rule(_COMPOSE)) == []


def _set(*path: Any) -> Callable[[Any], None]:
    *parents, key, value = path

    def change(compose: Any) -> None:
        for parent in parents:
            compose = compose[parent]
        compose[key] = value

    return change


def _append(*path: Any) -> Callable[[Any], None]:
    *parents, value = path

    def change(compose: Any) -> None:
        for parent in parents:
            compose = compose[parent]
        compose.append(value)

    return change


def _delete(*path: Any) -> Callable[[Any], None]:
    *parents, key = path

    def change(compose: Any) -> None:
        for parent in parents:
            compose = compose[parent]
        del compose[key]

    return change


_WRONG: list[tuple[rules.Rule, Callable[[Any], None]]] = [
    (
        rules.tags_equal_the_pinned_versions,
        _set("services", "collector", "image", "otel/opentelemetry-collector-contrib:0.161.0"),
    ),
    (rules.tags_equal_the_pinned_versions, _set("services", "jaeger", "image", "jaegertracing/jaeger:2.12.0")),
    (rules.images_are_pinned, _set("services", "grafana", "image", "grafana/grafana:latest")),
    (rules.images_are_pinned, _set("services", "postgres", "image", "postgres:18")),
    (rules.mounts_exist, _append("services", "jaeger", "volumes", "./collector/no.yaml:/etc/no.yaml:ro")),
    (rules.mounts_exist, _append("services", "jaeger", "volumes", "./collector/jaeger.yaml:/etc/writable.yaml")),
    (rules.mounts_exist, _append("services", "jaeger", "volumes", "undeclared:/data")),
    (rules.variables_are_known, _set("services", "exporter", "environment", "AGENT_OTEL_EXPORTER_GRCP", "x")),
    (rules.variables_are_known, _set("services", "grafana", "environment", "GF_SECURITY_ADMIN", "x")),
    (rules.secrets_come_from_make_env, _set("services", "grafana", "environment", "OTHER_PASSWORD", "${OTHER:?make}")),
    (
        rules.secrets_come_from_make_env,
        _set("services", "grafana", "environment", "GF_SECURITY_ADMIN_PASSWORD", "${GRAFANA_ADMIN_PASSWORD}"),
    ),
    (
        rules.secrets_come_from_make_env,
        _set("services", "grafana", "environment", "GF_SECURITY_ADMIN_PASSWORD", "admin"),
    ),
    (rules.services_have_a_health_check, _delete("services", "collector", "healthcheck")),
    (rules.services_have_a_health_check, _delete("services", "exporter", "build")),
    (rules.services_have_a_health_check, _set("services", "jaeger", "restart", "no")),
    (rules.ports_are_published_on_this_machine_only, _append("services", "grafana", "ports", "3001:3000")),
    (rules.ports_are_published_on_this_machine_only, _append("services", "grafana", "ports", "0.0.0.0:3001:3000")),
    (rules.open_binds_stay_inside, _set("services", "exporter", "ports", ["127.0.0.1:14318:14318"])),
    (rules.open_binds_stay_inside, _append("services", "exporter", "networks", "front")),
    (rules.open_binds_stay_inside, _set("services", "migrate", "environment", "AGENT_OTEL_INSECURE_BIND", "1")),
    (rules.commands_are_those_of_up, _set("services", "migrate", "command", ["migrate"])),
    (rules.commands_are_those_of_up, _append("services", "collector", "command", "--feature-gates=x")),
    (rules.postgres_settings_are_the_embedded_ones, _set("services", "postgres", "command", 2, "max_connections=1")),
]


@pytest.mark.parametrize(("rule", "change"), _WRONG, ids=lambda value: getattr(value, "__name__", ""))
def test_each_rule_finds_what_it_is_there_for(rule: rules.Rule, change: Callable[[Any], None]) -> None:
    """The file with one thing wrong in it is refused."""
    wrong = copy.deepcopy(_COMPOSE)
    change(wrong)
    assert list(rule(wrong)) != []


def test_every_rule_has_a_failing_case() -> None:
    """A rule that never found anything would be no rule."""
    assert {rule.__name__ for rule, _ in _WRONG} == {rule.__name__ for rule in rules.RULES}


def test_the_rules_know_what_up_runs(real_tools: None, tmp_path: Path) -> None:
    """The arguments that the rules expect are the ones that the local stack's programs are started with."""
    plan = Plan({"AGENT_OTEL_HOME": str(tmp_path), "AGENT_OTEL_DATABASE_URL": "postgresql://x"}, free_ports=True)
    folder = f"{tools.CONFIG_FOLDER}/"
    assert [word.replace(folder, "") for word in plan.collector().argv[1:]] == ["--config=config.yaml"]
    assert [word.replace(folder, "") for word in plan.jaeger().argv[1:]] == ["--config=jaeger.yaml"]
    assert tuple(plan.exporter().argv[-1:]) == EXPORT


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder with nothing but the Makefile."""
    (tmp_path / "Makefile").write_text((rules.ROOT / "Makefile").read_text())
    return tmp_path


def _make_env(checkout: Path) -> subprocess.CompletedProcess[str]:
    command = ["make", "--no-print-directory", "env"]
    return subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=False, timeout=30)


def test_make_env_writes_random_passwords_for_the_owner_only(checkout: Path) -> None:
    """Every variable that the file needs, each with a password of its own that is safe in a URL."""
    assert _make_env(checkout).returncode == 0
    lines = (checkout / ".env").read_text().splitlines()
    values = dict(line.split("=", 1) for line in lines)
    assert all(f"${{{name}:?" in (rules.ROOT / "docker-compose.yml").read_text() for name in values)
    assert len(set(values.values())) == 4
    assert all(value.isalnum() and len(value) >= 32 for value in values.values())
    assert (checkout / ".env").stat().st_mode & 0o777 == 0o600


def test_make_env_never_overwrites(checkout: Path) -> None:
    """Passwords that a database was made with are not lost."""
    (checkout / ".env").write_text("KEEP=1\n")
    refused = _make_env(checkout)
    assert refused.returncode != 0
    assert ".env exists" in refused.stderr
    assert (checkout / ".env").read_text() == "KEEP=1\n"


def test_git_ignores_the_passwords() -> None:
    """.env cannot be committed by accident."""
    assert ".env" in (rules.ROOT / ".gitignore").read_text().splitlines()
