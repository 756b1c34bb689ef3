"""Spoilt OTLP/JSON: hostile values in one item of a good request, or damage anywhere in its text."""

import json
import random
from typing import Any, Final

from tests.fuzz import golden
from tests.fuzz.mutation import mutated
from tests.fuzz.payload import JSON, OK, TAKEN_OR_REFUSED, Payload, SpanId
from tests.unit.exporter.otlp_json_encoder import Spelling

_HEADERS: Final = {"Content-Type": JSON}
#: Texts that are a value each, so that the request around them stays one.
_HOSTILE: Final = (
    *("null", "5", '"text"', "[]", "{}", "true", "NaN", "-Infinity", "1e400", "1" * 5_000, '"\\u0000"', '"\\ud800"'),
    *(
        '"\\ud83d\\ude00"',
        '{"a":' * 500 + "1" + "}" * 500,
        "[" * 30_000 + "]" * 30_000,
        '{"intValue":"9223372036854775808"}',
    ),
    *(
        '{"doubleValue":"-0"}',
        '{"stringValue":"a\\u0000b"}',
        '{"stringValue":5}',
        '{"bytesValue":"*"}',
        "-0.0",
        "1E-999",
    ),
    *(
        '{"kvlistValue":{"values":[{"key":"a"},{"key":"a"}]}}',
        '{"arrayValue":{"values":[null]}}',
        "\\u0041",
        "tru",
        "01",
    ),
)
_FIELDS: Final = (
    *("traceId", "spanId", "parentSpanId", "name", "kind", "startTimeUnixNano", "endTimeUnixNano", "attributes"),
    *("events", "links", "status", "flags", "droppedAttributesCount", "traceState", "unknown", "\\u0000", ""),
)


def spoilt_item(rng: random.Random) -> Payload:
    """Among good spans one that is any JSON value, or has a hostile one in a field: they are stored."""
    request = golden.request(rng, rng.randrange(1, 5))
    spans = [json.dumps(span) for span in _spans(_value(rng, request))]
    spans.insert(rng.randrange(len(spans) + 1), _hostile_item(rng))
    text = (
        '{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"fuzz"}}]},'
        f'"scopeSpans":[{{"scope":{{"name":"fuzz"}},"spans":[{",".join(spans)}]}}]}}]}}'
    )
    return Payload("json-item", "http", text.encode(), OK, golden.ids(request), headers=_HEADERS)


def spoilt_request(rng: random.Random) -> Payload:
    """A request with damage anywhere: spans that another JSON parser still reads as they were are stored."""
    request = golden.request(rng, rng.randrange(1, 5))
    before = _value(rng, request)
    body = mutated(rng, json.dumps(before).encode())
    return Payload("json-request", "http", body, TAKEN_OR_REFUSED, _untouched(before, body), headers=_HEADERS)


def heavy(rng: random.Random) -> Payload:
    """Texts that are cheap to write and dear to read."""
    count = rng.choice((1_000, 20_000))
    inner = rng.choice(("[" * count + "]" * count, ",".join(["{}"] * count), ",".join(["null"] * count), " " * count))
    text = rng.choice(
        (
            "[" * count,
            '{"resourceSpans":[' + inner + "]}",
            '{"resourceSpans":[{"scopeSpans":[{"spans":[' + inner + "]}]}]}",
            '{"x":[' + inner + "]}",
            "{" + ",".join(['"a":1'] * count) + "}",
            '{"x":"' + "\\" * count,
        )
    )
    return Payload("json-heavy", "http", text.encode(), TAKEN_OR_REFUSED, headers=_HEADERS)


def _hostile_item(rng: random.Random) -> str:
    value = rng.choice(_HOSTILE[:-3])
    if rng.random() < 0.3:
        return value
    ids = f'"traceId":"{rng.randbytes(16).hex()}","spanId":"{rng.randbytes(8).hex()}"'
    attribute = f'"attributes":[{{"key":"a","value":{value}}}]'
    return f"{{{ids},{rng.choice((attribute, _member(rng, value)))}}}"


def _member(rng: random.Random, value: str) -> str:
    return f'"{rng.choice(_FIELDS)}":{value}'


def _value(rng: random.Random, request: Any) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(Spelling(rng.randrange(2**32)).json(request))
    return value


def _spans(request: Any) -> list[Any]:
    return [span for group in _groups(request) for _, spans in _scopes(group) for span in spans]


def _groups(request: Any) -> list[Any]:
    return _list(request, "resourceSpans", "resource_spans")


def _scopes(group: Any) -> list[tuple[Any, list[Any]]]:
    return [(scope.get("scope"), _list(scope, "spans", "spans")) for scope in _list(group, "scopeSpans", "scope_spans")]


def _list(value: Any, *names: str) -> list[Any]:
    found = next((value[name] for name in names if isinstance(value, dict) and name in value), None)
    return [member for member in found if isinstance(member, dict)] if isinstance(found, list) else []


def _untouched(before: Any, body: bytes) -> tuple[SpanId, ...]:
    try:
        after = json.loads(body.decode(), object_pairs_hook=_once)
    except (ValueError, RecursionError):
        return ()
    known = [(group.get("resource"), scope, span) for group, scope, span in _placed(before)]
    return tuple(
        (bytes.fromhex(_id(span, "trace")), bytes.fromhex(_id(span, "span")))
        for group, scope, span in _placed(after)
        if (group.get("resource"), scope, span) in known and _same_urls(group)
    )


def _placed(request: Any) -> list[tuple[Any, Any, Any]]:
    return [(group, scope, span) for group in _groups(request) for scope, spans in _scopes(group) for span in spans]


def _same_urls(group: Any) -> bool:
    places = [group, *_list(group, "scopeSpans", "scope_spans")]
    return all(isinstance(place.get(name, ""), str) for place in places for name in ("schemaUrl", "schema_url"))


def _id(span: Any, name: str) -> str:
    return str(span.get(f"{name}Id") or span.get(f"{name}_id"))


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object; one with a key twice is read differently by different parsers, so that nothing can be said of it."""
    result = dict(pairs)
    if len(result) < len(pairs):
        raise ValueError("a key stands twice")
    return result
