"""The frame of an OTLP/JSON request: what stands where, what is wrong as a whole, how much is taken."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from agent_otel.errors import MalformedRequestError, RequestTooLargeError
from tests.unit.exporter.test_decode_json import Read, spans


def test_a_resource_may_stand_behind_its_spans() -> None:
    """Members of a JSON object have no order; a snake_case spelling is the same member."""
    body = (
        b'\xef\xbb\xbf {"ignored": [{"a": "]}"}, "\\"{["], "resource_spans": [{"scope_spans": [{"spans": [{}],'
        b' "schema_url": "s", "scope": {"name": "n"}}], "schemaUrl": "r", "resource": {"droppedAttributesCount": 3}}],'
        b' "x": null} '
    )
    (item,) = Read(body).items
    assert (item.resource, item.scope, item.resource_schema_url, item.scope_schema_url) == (
        Resource(dropped_attributes_count=3).SerializeToString(),
        b"\x0a\x01n",
        b"r",
        b"s",
    )


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"nul",
        b"{",
        b'{"resourceSpans"',
        b'{"resourceSpans":}',
        b'{"resourceSpans":5}',
        b'{"resourceSpans":[5]}',
        b'{"resourceSpans":[{"scopeSpans":{}}]}',
        b'{"resourceSpans":[{"scopeSpans":[{"spans":[{]}]}]}',
        b'{"resourceSpans":[] "x":1}',
        b'{"resourceSpans":[],}',
        b'{"a":"b',
        b"{} {}",
        b"{5:6}",
        b"\x0a\xff",
    ],
)
def test_a_wrong_frame_is_malformed(body: bytes) -> None:
    """What is not an export request as a whole is refused as a whole, with the place."""
    with pytest.raises(MalformedRequestError, match=r"character \d+"):
        Read(body)


@pytest.mark.parametrize("body", [b"{}", b'{"resourceSpans":null}', b'{"resourceSpans":[{"scopeSpans":[null,{}]}]}'])
def test_absent_parts_are_no_items(body: bytes) -> None:
    """Nothing, null and empty objects hold no items and are no error."""
    assert Read(body).items == []


def test_items_and_groups_are_limited() -> None:
    """Counted before they are parsed, wrong ones too."""
    assert len(Read(spans("{}", "5"), max_items=2).kept) == 1
    with pytest.raises(RequestTooLargeError, match="more than 2 items"):
        Read(spans("{}", "{}", "{}"), max_items=2)
    with pytest.raises(RequestTooLargeError, match="parts"):
        Read(b'{"resourceSpans":[' + b",".join([b"{}"] * 1_005) + b"]}", max_items=2)
    with pytest.raises(RequestTooLargeError, match="parts"):
        Read(b"{" + b",".join([b'"unknown":0'] * 1_005) + b"}", max_items=2)


@given(st.lists(st.sampled_from([*'{}[]:,"\\ 1n', "null", '"spans"', '"resourceSpans"', '"scopeSpans"']), max_size=40))
def test_any_text_is_read_or_malformed(parts: list[str]) -> None:
    """Nothing but the one error comes out of texts made of JSON's own pieces."""
    try:
        Read("".join(['{"resourceSpans":[{"scopeSpans":[{"spans":[', *parts]).encode())
    except MalformedRequestError:
        return
