"""An OTLP/JSON export request to the same items that the protobuf one would give."""

import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Final, NamedTuple

from google.protobuf.message import Message
from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from agent_otel.errors import RequestTooLargeError
from agent_otel.exporter.envelope import MAX_ITEMS, RawItem, most_items
from agent_otel.exporter.json_cursor import Cursor, has_more_containers
from agent_otel.exporter.json_message import BadValueError, MessageReader
from agent_otel.exporter.mapping import MAX_ITEM_BYTES
from agent_otel.exporter.refusals import Refusals
from agent_otel.exporter.signals import Signal

_SCHEMA_URL: Final = ("schemaUrl", "schema_url")
#: Bytes that are not UTF-8 are carried as lone surrogates: they spoil only their own text, and can be written back.
_CARRY: Final = "surrogateescape"
#: How the reason begins of what is stored, but not quite as it was sent; the quarantine keeps the original.
ALTERED: Final = "altered: text that is not Unicode, replaced by U+FFFD"
#: JSON's escapes can triple an item's size; more than that is refused before it is parsed.
_MAX_TEXT: Final = 3 * MAX_ITEM_BYTES
#: In one item; an attribute takes three. 15 MiB of empty arrays would take a gigabyte once parsed.
_MAX_CONTAINERS: Final = 500_000


#: Members and elements of the frame for each item that is allowed; one with a resource and a scope to itself has nine.
_PARTS_PER_ITEM: Final = 2
#: Parts of a frame that are no trouble, however few its items may be.
_FEW_PARTS: Final = 1_000
#: How an item begins that is not an object; what it is instead need not be parsed.
_NOT_AN_OBJECT: Final = "must be an object"


class _ScopeGroup(NamedTuple):
    scope: str
    schema_url: str
    items: list[str]


class _Group(NamedTuple):
    resource: str
    schema_url: str
    scopes: list[_ScopeGroup]


class _Part(NamedTuple):
    data: bytes
    problem: str
    altered: list[str]


def decode(body: bytes, signal: Signal, refusals: Refusals, max_items: int = MAX_ITEMS) -> list[RawItem]:
    """The items of a request, in order; those that cannot be one go to `refusals`, with the field that is wrong.

    Raises MalformedRequestError when the request's own frame is wrong, RequestTooLargeError above `max_items`, or when
    there are more items or parts than a request of its size can sensibly hold.
    """
    groups = _Frame(body.decode("utf-8-sig", _CARRY), signal, most_items(len(body), max_items)).groups()
    return [item for group in groups for item in _items(group, signal, refusals)]


class _Frame:
    """One pass over a request; items, resources and scopes stay text, and are counted before they are parsed."""

    def __init__(self, text: str, signal: Signal, max_items: int) -> None:
        self._cursor = Cursor(text, _FEW_PARTS + _PARTS_PER_ITEM * max_items)
        self._group_keys, self._scope_keys, self._item_keys = map(_names, signal.keys)
        self._max_items = max_items
        self._items_left = max_items

    def groups(self) -> list[_Group]:
        groups = []
        for key in self._cursor.members():
            if key in self._group_keys:
                groups += [self._group() for _ in self._cursor.elements()]
            else:
                self._cursor.value()
        self._cursor.end()
        return groups

    def _group(self) -> _Group:
        resource, schema_url = "{}", '""'
        scopes: list[_ScopeGroup] = []
        for key in self._cursor.members():
            if key == "resource":
                resource = self._value(resource)
            elif key in _SCHEMA_URL:
                schema_url = self._value(schema_url)
            elif key in self._scope_keys:
                scopes += [self._scope_group() for _ in self._cursor.elements()]
            else:
                self._cursor.value()
        return _Group(resource, schema_url, scopes)

    def _scope_group(self) -> _ScopeGroup:
        scope, schema_url = "{}", '""'
        items: list[str] = []
        for key in self._cursor.members():
            if key == "scope":
                scope = self._value(scope)
            elif key in _SCHEMA_URL:
                schema_url = self._value(schema_url)
            elif key in self._item_keys:
                items += [self._item() for _ in self._cursor.elements()]
            else:
                self._cursor.value()
        return _ScopeGroup(scope, schema_url, items)

    def _item(self) -> str:
        if not self._items_left:
            raise RequestTooLargeError(f"the request holds more than {self._max_items} items; split it", "items")
        self._items_left -= 1
        return self._cursor.value()

    def _value(self, absent: str) -> str:
        """The text of the value here; ProtoJSON: null is the same as absent."""
        text = self._cursor.value()
        return absent if text == "null" else text


def _items(group: _Group, signal: Signal, refusals: Refusals) -> Iterator[RawItem]:
    if not any(scope_group.items for scope_group in group.scopes):
        return
    resource = _read(group.resource, Resource, "resource")
    resource_url = _read_url(group.schema_url, "schemaUrl of the resource")
    for scope_group in group.scopes:
        scope = _read(scope_group.scope, InstrumentationScope, "scope")
        scope_url = _read_url(scope_group.schema_url, "schemaUrl of the scope")
        for text in scope_group.items:
            item = _read(text, signal.message, signal.noun)
            parts = (resource, resource_url, scope, scope_url, item)
            problems = [part.problem for part in parts if part.problem]
            altered = [path for part in parts for path in part.altered]
            if problems:
                raw = b"" if refusals.whole else _request(group, scope_group, text, signal)
                refusals.refuse(problems[0], raw)
                continue
            if altered:
                refusals.keep(f"{ALTERED}: {', '.join(altered)}", _request(group, scope_group, text, signal))
                # What is shared is kept with its first item.
                for part in parts:
                    part.altered.clear()
            yield RawItem(item.data, resource.data, scope.data, resource_url.data, scope_url.data)


def _read(text: str, kind: type[Message], path: str) -> _Part:
    if len(text) > _MAX_TEXT:
        return _Part(b"", f"{path}: larger than {MAX_ITEM_BYTES} bytes", [])
    if has_more_containers(text, _MAX_CONTAINERS):
        return _Part(b"", f"{path}: more than {_MAX_CONTAINERS} objects and arrays", [])
    if not text.startswith("{"):
        return _Part(b"", f"{path}: {_NOT_AN_OBJECT}", [])
    reader = MessageReader()
    try:
        return _Part(reader.read(text, kind, path), "", reader.altered)
    except BadValueError as error:
        return _Part(b"", str(error), [])


def _read_url(text: str, path: str) -> _Part:
    reader = MessageReader()
    try:
        url = reader.text(json.loads(text))
        return _Part(url.encode(), "", [path] if reader.altered else [])
    except ValueError:
        return _Part(b"", f"{path}: must be a string", [])


def _request(group: _Group, scope_group: _ScopeGroup, item: str, signal: Signal) -> bytes:
    """A request that holds just one item, in the sender's own text."""
    groups, scopes, items = signal.keys
    return (
        f'{{"{groups}":[{{"resource":{group.resource},"schemaUrl":{group.schema_url},"{scopes}":['
        f'{{"scope":{scope_group.scope},"schemaUrl":{scope_group.schema_url},"{items}":[{item}]}}]}}]}}'
    ).encode(errors=_CARRY)


@cache
def _names(key: str) -> tuple[str, str]:
    """A key in camelCase and in snake_case."""
    return key, re.sub("([A-Z])", lambda match: f"_{match[1].lower()}", key)
