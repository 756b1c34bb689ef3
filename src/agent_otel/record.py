"""Records of the spool, as bytes. Standard library only.

A record is a header (magic, version, kind, number of items, length, CRC-32 of all that and of the payload) and the
payload: an OTLP ExportTraceServiceRequest in protobuf, an OTLP ResourceLogs in JSON, or an OTLP ResourceSpans in JSON.
"""

from __future__ import annotations

import os
import zlib

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Final

SPANS: Final = 1
LOGS: Final = 2
SPANS_JSON: Final = 3

MAGIC: Final = b"AOTL"
VERSION: Final = 1
_BEGIN: Final = MAGIC + bytes((VERSION,))
#: Where the fields stand, big-endian; magic and version before them. Without `struct`, whose import costs more.
_KIND: Final = 5
_ITEMS: Final = slice(6, 10)
_LENGTH: Final = slice(10, 18)
_CHECKSUM: Final = slice(18, 22)
HEADER_SIZE: Final = 22
#: A larger record could not be delivered: the Collector and the exporter take requests of 64 MiB.
MAX_PAYLOAD: Final = 60 * 1024**2
_SEARCH_BLOCK: Final = 256 * 1024


class Record:
    """One record, where it begins and ends. `items` is the number of spans or events in the payload."""

    __slots__ = ("begin", "end", "items", "kind", "payload")

    def __init__(self, kind: int, items: int, payload: bytes, begin: int, end: int) -> None:
        self.kind = kind
        self.items = items
        self.payload = payload
        self.begin = begin
        self.end = end


def frame(kind: int, items: int, payload: bytes) -> bytes:
    """The bytes of a record."""
    fields = b"".join((_BEGIN, kind.to_bytes(), items.to_bytes(4), len(payload).to_bytes(8)))
    return b"".join((fields, zlib.crc32(payload, zlib.crc32(fields)).to_bytes(4), payload))


def read_records(descriptor: int, start: int, stop: int, max_bytes: int) -> Iterator[Record]:
    """Whole records between two offsets, `max_bytes` of them at most but at least one; damaged bytes are passed over.

    What is passed over shows as a gap between one record's end and the next one's begin, or before `stop`.
    """
    position, taken = start, 0
    while position < stop:
        if taken and taken + record_size(descriptor, position, stop) > max_bytes:
            return
        record = _read(descriptor, position, stop)
        if record is not None:
            yield record
            taken += record.end - record.begin
            position = record.end
            continue
        following = _next_magic(descriptor, position + 1, stop)
        if following is None:
            return
        position = following


def record_headers(descriptor: int, start: int, stop: int) -> Iterator[tuple[int, int]]:
    """Items and bytes of each record between two offsets, as far as their headers tell."""
    position: int | None = start
    while position is not None and position < stop:
        header = _header(descriptor, position, stop)
        if not header:
            position = _next_magic(descriptor, position + 1, stop)
            continue
        size = HEADER_SIZE + _length(header)
        yield int.from_bytes(header[_ITEMS]), size
        position += size


def record_size(descriptor: int, position: int, stop: int) -> int:
    """Bytes of the record that begins there, as far as its header tells; 0 when none does."""
    header = _header(descriptor, position, stop)
    return HEADER_SIZE + _length(header) if header else 0


def _read(descriptor: int, position: int, stop: int) -> Record | None:
    header = _header(descriptor, position, stop)
    if not header:
        return None
    payload = os.pread(descriptor, _length(header), position + HEADER_SIZE)
    checksum = zlib.crc32(payload, zlib.crc32(header[: _CHECKSUM.start]))
    if checksum != int.from_bytes(header[_CHECKSUM]):
        return None
    items = int.from_bytes(header[_ITEMS])
    return Record(header[_KIND], items, payload, position, position + HEADER_SIZE + len(payload))


def _header(descriptor: int, position: int, stop: int) -> bytes:
    """A header of a record that ends before `stop`; else empty."""
    header = os.pread(descriptor, HEADER_SIZE, position)
    if len(header) < HEADER_SIZE or not header.startswith(_BEGIN):
        return b""
    length = _length(header)
    return header if length <= MAX_PAYLOAD and position + HEADER_SIZE + length <= stop else b""


def _length(header: bytes) -> int:
    return int.from_bytes(header[_LENGTH])


def _next_magic(descriptor: int, position: int, stop: int) -> int | None:
    while position < stop:
        block = os.pread(descriptor, min(_SEARCH_BLOCK, stop - position), position)
        found = block.find(MAGIC)
        if found >= 0:
            return position + found
        if len(block) < len(MAGIC):
            return None
        position += len(block) - len(MAGIC) + 1
    return None
