"""Spans, events and links as protobuf messages that keep their parts as bytes.

The same fields with the same numbers as OTLP's, but `attributes`, `events` and `links` are declared as bytes. So the
parser hands over each attribute as it was sent, without making objects of its key and value: the bytes are looked up
(attribute_memo.py), and what is not unusual is never decoded field by field. A bad text in one attribute also does not
make its event or span undecodable.
"""

from typing import Any, Final

from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from opentelemetry.proto.trace.v1 import trace_pb2

#: Small, with two fields, and protobuf merges it when it is repeated: the parser does that best.
_DECODED: Final = ".opentelemetry.proto.trace.v1.Status"


def _keep_as_bytes(message: DescriptorProto) -> None:
    for field in message.field:
        if field.type == FieldDescriptorProto.TYPE_MESSAGE and field.type_name != _DECODED:
            field.type = FieldDescriptorProto.TYPE_BYTES
            field.ClearField("type_name")
    for nested in message.nested_type:
        _keep_as_bytes(nested)


def _pool() -> DescriptorPool:
    file = FileDescriptorProto()
    trace_pb2.DESCRIPTOR.CopyToProto(file)
    file.ClearField("dependency")
    for message in file.message_type:
        _keep_as_bytes(message)
    # A pool of its own: the names are taken in the default one.
    pool = DescriptorPool()
    pool.Add(file)
    return pool


_POOL: Final = _pool()


def _message(name: str) -> Any:
    return GetMessageClass(_POOL.FindMessageTypeByName(f"opentelemetry.proto.trace.v1.{name}"))


WireSpan: Final = _message("Span")
WireEvent: Final = _message("Span.Event")
WireLink: Final = _message("Span.Link")
