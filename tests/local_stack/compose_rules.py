"""Rules for docker-compose.yml: there is no Docker engine to try it with, so what can be read off it is checked.

Each rule takes the parsed file and returns what is wrong, one text a finding.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from agent_otel.local_stack import tools
from agent_otel.local_stack.plan import EXPORT, MIGRATE
from agent_otel.local_stack.postgres import SETTINGS

ROOT: Final = Path(__file__).parents[2]

#: Variables of the images, not ours: name -> where it is documented.
IMAGE_VARIABLES: Final = {
    "POSTGRES_DB": "hub.docker.com/_/postgres",
    "POSTGRES_PASSWORD": "hub.docker.com/_/postgres",
    "POSTGRES_INITDB_ARGS": "hub.docker.com/_/postgres",
    # GF_<section>_<key> of Grafana's file: grafana.com/docs/grafana/latest/setup-grafana/configure-grafana
    "GF_SECURITY_ADMIN_PASSWORD": "[security] admin_password",
    "GF_SECURITY_DISABLE_GRAVATAR": "[security] disable_gravatar",
    "GF_ANALYTICS_REPORTING_ENABLED": "[analytics] reporting_enabled",
    "GF_ANALYTICS_CHECK_FOR_UPDATES": "[analytics] check_for_updates",
    "GF_ANALYTICS_CHECK_FOR_PLUGIN_UPDATES": "[analytics] check_for_plugin_updates",
    "GF_NEWS_NEWS_FEED_ENABLED": "[news] news_feed_enabled",
    "GF_PLUGINS_PREINSTALL_DISABLED": "[plugins] preinstall_disabled",
}

#: Settings of the embedded PostgreSQL that the image sets by itself or that are another's choice in a container.
_SET_BY_THE_IMAGE: Final = frozenset(
    {
        *("fsync", "synchronous_commit", "full_page_writes", "password_encryption", "shared_buffers"),
        *("listen_addresses", "timezone", "log_timezone", "log_line_prefix"),
    }
)

Compose = Mapping[str, Any]
Rule = Callable[[Compose], Iterator[str]]


def tags_equal_the_pinned_versions(compose: Compose) -> Iterator[str]:
    """Collector and Jaeger run the version that `agent-otel tools install` builds."""
    for name, pinned in tools.versions().items():
        image = compose["services"][name]["image"]
        if image != pinned["image"] or not image.endswith(f":{pinned['version']}"):
            yield f"{name} runs {image}, versions.json says {pinned['image']} and {pinned['version']}"
    builder = yaml.safe_load((tools.CONFIG_FOLDER / "builder.yaml").read_text())
    version = builder["dist"]["version"]
    if not compose["services"]["collector"]["image"].endswith(f":{version}"):
        yield f"collector does not run builder.yaml's {version}"


def images_are_pinned(compose: Compose) -> Iterator[str]:
    """A tag with a full version, so that tomorrow's image is today's."""
    for name, service in compose["services"].items():
        if "build" not in service and not re.search(r":\d+\.\d+(\.\d+)?(-\w+)?$", service["image"]):
            yield f"{name}: {service['image']} is not pinned"


def mounts_exist(compose: Compose) -> Iterator[str]:
    """Every folder or file of the repository that is mounted is there; every named volume is declared."""
    for name, service in compose["services"].items():
        for mount in service.get("volumes", []):
            source = mount.split(":")[0]
            if source.startswith("."):
                if not (ROOT / source).exists():
                    yield f"{name} mounts {source}, which does not exist"
                if not mount.endswith(":ro"):
                    yield f"{name} may write to {source}"
            elif source not in compose["volumes"]:
                yield f"{name} mounts the volume {source}, which is not declared"


def variables_are_known(compose: Compose) -> Iterator[str]:
    """Every environment name is read by our code or files, or is the image's own and documented."""
    ours = _names_that_we_read()
    for name, service in compose["services"].items():
        for variable in service.get("environment", {}):
            if variable not in IMAGE_VARIABLES and variable not in ours:
                yield f"{name} is given {variable}, which nothing reads"


def secrets_come_from_make_env(compose: Compose) -> Iterator[str]:
    """Every value from .env is required, and made by `make env`; no password stands in the file."""
    makefile = (ROOT / "Makefile").read_text()
    for reference in re.findall(r"\$\{([^}]*)\}", yaml.safe_dump(dict(compose))):
        variable, _, rest = reference.partition(":?")
        if not rest:
            yield f"{variable} is not required: it would be empty without .env"
        if variable not in makefile:
            yield f"{variable} is not made by `make env`"
    for name, service in compose["services"].items():
        for variable, value in service.get("environment", {}).items():
            if "PASSWORD" in variable and not str(value).startswith("${"):
                yield f"{name}: {variable} stands in the file"


def services_have_a_health_check(compose: Compose) -> Iterator[str]:
    """A service tells its health, or runs once and is waited for."""
    awaited = {
        name
        for service in compose["services"].values()
        for name, how in service.get("depends_on", {}).items()
        if how["condition"] == "service_completed_successfully"
    }
    for name, service in compose["services"].items():
        if service.get("restart") == "no":
            if name not in awaited:
                yield f"{name} runs once, and nothing waits for it"
        elif not _tells_its_health(service):
            yield f"{name} has no health check"


def ports_are_published_on_this_machine_only(compose: Compose) -> Iterator[str]:
    """No port without 127.0.0.1 before it."""
    for name, service in compose["services"].items():
        for port in service.get("ports", []):
            if not str(port).startswith("127.0.0.1:"):
                yield f"{name} publishes {port} to other machines"


def open_binds_stay_inside(compose: Compose) -> Iterator[str]:
    """AGENT_OTEL_INSECURE_BIND is the exporter's alone, which publishes nothing and is on internal networks only."""
    for name, service in compose["services"].items():
        if "AGENT_OTEL_INSECURE_BIND" not in service.get("environment", {}):
            continue
        if name != "exporter" or service.get("ports"):
            yield f"{name} listens without TLS and token, and is published or not the exporter"
        for network in service["networks"]:
            if not (compose["networks"][network] or {}).get("internal"):
                yield f"{name} listens without TLS and token on {network}, which is not internal"


def commands_are_those_of_up(compose: Compose) -> Iterator[str]:
    """Our programs and the stock ones run with the arguments that `agent-otel up` gives them."""
    expected = {
        "migrate": list(MIGRATE),
        "exporter": list(EXPORT),
        "collector": ["--config=config.yaml"],
        "jaeger": ["--config=jaeger.yaml"],
    }
    for name, arguments in expected.items():
        service = compose["services"][name]
        if _with_mounts_undone(service) != arguments:
            yield f"{name} runs {service['command']}, `up` runs {arguments}"


def postgres_settings_are_the_embedded_ones(compose: Compose) -> Iterator[str]:
    """PostgreSQL behaves alike in both ways of running it."""
    command = compose["services"]["postgres"]["command"]
    given = dict(pair.split("=", 1) for flag, pair in zip(command[1::2], command[2::2], strict=True) if flag == "-c")
    for setting, value in SETTINGS.items():
        if setting not in _SET_BY_THE_IMAGE and given.get(setting) != value:
            yield f"postgres: {setting} is {given.get(setting)}, embedded it is {value}"


RULES: Final[tuple[Rule, ...]] = (
    tags_equal_the_pinned_versions,
    images_are_pinned,
    mounts_exist,
    variables_are_known,
    secrets_come_from_make_env,
    services_have_a_health_check,
    ports_are_published_on_this_machine_only,
    open_binds_stay_inside,
    commands_are_those_of_up,
    postgres_settings_are_the_embedded_ones,
)


def _names_that_we_read() -> set[str]:
    files = [
        *ROOT.glob("src/agent_otel/**/*.py"),
        *ROOT.glob("collector/*.yaml"),
        *ROOT.glob("grafana/provisioning/**/*.yaml"),
    ]
    read = {name for file in files for name in re.findall(r"AGENT_OTEL_[A-Z_]+[A-Z]", file.read_text())}
    # The exporter's settings are written as a prefix and a name.
    config = (ROOT / "src/agent_otel/exporter/config.py").read_text()
    return read | {f"AGENT_OTEL_EXPORTER_{name}" for name in re.findall(r'f"\{_X\}([A-Z_]+)"', config)}


def _tells_its_health(service: Mapping[str, Any]) -> bool:
    if service.get("healthcheck", {}).get("test"):
        return True
    dockerfile = service.get("build", {}).get("dockerfile")
    return bool(dockerfile) and "\nHEALTHCHECK " in (ROOT / dockerfile).read_text()


def _with_mounts_undone(service: Mapping[str, Any]) -> list[str]:
    """The command with each mounted file of collector/ as its name there."""
    mounted = dict(mount.split(":")[1::-1] for mount in service.get("volumes", []) if mount.startswith("./collector/"))
    inside = {target: Path(source).name for target, source in mounted.items()}
    words = (word.partition("=") for word in service["command"])
    return [f"{flag}{equals}{inside.get(value, value)}" for flag, equals, value in words]
