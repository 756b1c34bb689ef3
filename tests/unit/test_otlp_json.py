"""agent_otel.otlp_json: what is written by hand is what the OTLP/JSON rules say."""

import base64
import json
import math
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from agent_otel.otlp_json import LogRecord, any_value, key_values, log_record, logs_request, resource_logs_frame

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=15,
)


def python_value(value: dict[str, Any]) -> Any:
    """An AnyValue of OTLP/JSON as the Python value that it stands for."""
    if not value:
        return None
    ((kind, content),) = value.items()
    match kind:
        case "intValue":
            assert isinstance(content, str)
            return int(content)
        case "doubleValue":
            return float(content)
        case "bytesValue":
            return base64.b64decode(content, validate=True)
        case "arrayValue":
            return [python_value(member) for member in content["values"]]
        case "kvlistValue":
            return {pair["key"]: python_value(pair["value"]) for pair in content["values"]}
    assert kind in ("stringValue", "boolValue")
    return content


def same(left: Any, right: Any) -> bool:
    """Equality in which NaN equals NaN, -0.0 is not 0.0, and True is not 1."""
    if isinstance(left, float) and isinstance(right, float):
        return math.isnan(left) == math.isnan(right) and (math.isnan(left) or str(left) == str(right))
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return list(left) == list(right) and all(same(left[key], right[key]) for key in left)
    return type(left) is type(right) and bool(left == right)


@given(VALUES)
def test_any_value_round_trip(value: Any) -> None:
    """Every kind of value comes back with its type, NaN and infinities included."""
    assert same(python_value(json.loads(any_value(value))), value)


def test_spellings() -> None:
    """64-bit integers are strings, special doubles have proto3's names, bytes are base64, unknown types text."""
    assert any_value(2**63 - 1) == '{"intValue":"9223372036854775807"}'
    assert any_value(float("-inf")) == '{"doubleValue":"-Infinity"}'
    assert any_value(float("nan")) == '{"doubleValue":"NaN"}'
    assert any_value(b"\x00") == '{"bytesValue":"AA=="}'
    assert any_value({1}) == '{"stringValue":"{1}"}'


def test_request() -> None:
    """Frame and record make a ResourceLogs with hex ids and time as text; several join to one request."""
    record = LogRecord("aotel.x", 12, 9, 'say "é"', key_values({"a": 1}), 0xAB, 0xCD, 3)
    before, after = resource_logs_frame({"service.name": "s"}, "http://r", "scope", "1", "http://s")
    resource_logs = f"{before}{log_record(record)}{after}".encode()
    expected = {
        "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "s"}}]},
        "schemaUrl": "http://r",
        "scopeLogs": [
            {
                "scope": {"name": "scope", "version": "1"},
                "schemaUrl": "http://s",
                "logRecords": [
                    {
                        "timeUnixNano": "12",
                        "observedTimeUnixNano": "12",
                        "severityNumber": 9,
                        "severityText": "INFO",
                        "eventName": "aotel.x",
                        "body": {"stringValue": 'say "é"'},
                        "attributes": [{"key": "a", "value": {"intValue": "1"}}],
                        "flags": 3,
                        "traceId": "000000000000000000000000000000ab",
                        "spanId": "00000000000000cd",
                    }
                ],
            }
        ],
    }
    assert json.loads(logs_request([resource_logs] * 2)) == {"resourceLogs": [expected] * 2}
