"""The provisioned data sources, as dashboards refer to them, and the link from an execution to its trace.

The uids are those of provisioning/datasources/agent_otel.yaml.
"""

import json
from typing import Any, Final
from urllib.parse import quote

Json = dict[str, Any]

POSTGRES: Final[Json] = {"type": "grafana-postgresql-datasource", "uid": "agent-otel-postgres"}
JAEGER: Final[Json] = {"type": "jaeger", "uid": "agent-otel-jaeger"}

#: What Grafana puts into a link of a field: the value of its cell.
CELL_VALUE: Final = "${__value.raw}"


def trace_link() -> Json:
    """A link from a field that holds a trace id (32 hex digits) to the trace, in Explore, through Jaeger."""
    # A Jaeger query without a type looks a trace up by its id. The range is asked for by the URL's format; a look-up by
    # id does not depend on it.
    pane = {
        "datasource": JAEGER["uid"],
        "queries": [{"refId": "A", "datasource": JAEGER, "query": CELL_VALUE}],
        "range": {"from": "now-1h", "to": "now"},
    }
    encoded = quote(json.dumps({"trace": pane}, separators=(",", ":")), safe="")
    url = "/explore?schemaVersion=1&panes=" + encoded.replace(quote(CELL_VALUE, safe=""), CELL_VALUE)
    return {"title": "Show the trace in Jaeger", "url": url, "targetBlank": True}
