"""Grafana's provisioning files agree with the dashboards and with the places that docker compose gives them."""

from pathlib import Path
from typing import Any

import yaml

from agent_otel.store.migrations import LOGIN_PASSWORDS
from grafana.datasources import JAEGER, POSTGRES

FOLDER = Path(__file__).resolve().parents[2] / "grafana" / "provisioning"


def provisioned() -> dict[str, dict[str, Any]]:
    """The provisioned data sources by type."""
    (file,) = (FOLDER / "datasources").iterdir()
    content = yaml.safe_load(file.read_text())
    assert content["apiVersion"] == 1
    return {source["type"]: source for source in content["datasources"]}


def test_dashboards_use_the_provisioned_data_sources() -> None:
    """Types and uids are the same on both sides, and the uids differ."""
    assert {kind: source["uid"] for kind, source in provisioned().items()} == {
        POSTGRES["type"]: POSTGRES["uid"],
        JAEGER["type"]: JAEGER["uid"],
    }
    assert POSTGRES["uid"] != JAEGER["uid"]


def test_grafana_reads_as_the_reader() -> None:
    """PostgreSQL is asked as the role that may only read, with the password that the migration gave it."""
    source = provisioned()[POSTGRES["type"]]
    assert source["url"] == "postgres:5432"
    assert source["user"] in LOGIN_PASSWORDS
    assert source["secureJsonData"] == {"password": f"${LOGIN_PASSWORDS['agent_otel_reader']}"}
    assert source["jsonData"]["database"] == "agent_otel"
    assert source["user"] == "agent_otel_reader"


def test_jaeger_is_asked_for_traces() -> None:
    """The query port of Jaeger on the compose network."""
    assert provisioned()[JAEGER["type"]]["url"] == "http://jaeger:16686"


def test_nobody_is_told_to_edit_what_is_generated() -> None:
    """Exactly one default data source; neither sources nor dashboards can be changed in the browser."""
    sources = provisioned().values()
    assert [source["isDefault"] for source in sources].count(True) == 1
    assert not any(source["editable"] for source in sources)
    (file,) = (FOLDER / "dashboards").iterdir()
    (provider,) = yaml.safe_load(file.read_text())["providers"]
    assert provider["options"]["path"] == "/var/lib/grafana/dashboards"
    assert (provider["type"], provider["allowUiUpdates"]) == ("file", False)
