"""OTLP over gRPC: TraceService and LogsService, raw bytes in.

No generated servicer: it would decode before our code runs, and answer INTERNAL to a request with one bad string,
upon which the Collector drops all of it.
"""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final, NoReturn

import grpc

from agent_otel.errors import RetryableError
from agent_otel.exporter.config import Address, Config
from agent_otel.exporter.in_flight import InFlight
from agent_otel.exporter.ingest import Encoding, Ingest
from agent_otel.exporter.metrics import Metrics
from agent_otel.exporter.reception import Reception
from agent_otel.exporter.signals import COLLECTOR, SIGNALS, Signal
from agent_otel.exporter.status import answer_to, note_refusal, rpc_status, trailers

#: OTLP signals that we do not take, so that their senders learn more than "Method not found!".
_OTHERS: Final = (
    f"{COLLECTOR}metrics.v1.MetricsService/Export",
    f"{COLLECTOR}profiles.v1development.ProfilesService/Export",
)
#: Answer a little before the client gives up: it would not learn then that it should send again.
_SPARE_SECONDS: Final = 0.1

#: Calls that one connection may have under way; a Collector has as many as its exporter has consumers.
_STREAMS: Final = 100

# Streams of one message, which on the wire are what unary calls are: so we run before the message is received.
_Behavior = Callable[[Iterator[bytes], grpc.ServicerContext], bytes]


class GrpcReceiver:
    """One listening address, which other processes may share. Requests beyond the number of threads wait unread."""

    def __init__(
        self, ingest: Ingest, in_flight: InFlight, config: Config, metrics: Metrics, *, shared: bool = False
    ) -> None:
        self._ingest = ingest
        self._in_flight = in_flight
        self._metrics = metrics
        self._address = config.grpc
        self._threads = ThreadPoolExecutor(config.grpc_threads, "grpc")
        self._reception = Reception(config.grpc_receiving, config.body_seconds)
        options = [
            ("grpc.max_receive_message_length", config.max_body),
            ("grpc.max_concurrent_streams", _STREAMS),
            ("grpc.max_allowed_incoming_connections", config.connections),
            ("grpc.max_connection_idle_ms", int(config.idle_seconds * 1000)),
            ("grpc.server_handshake_timeout_ms", int(config.header_seconds * 1000)),
            # Two exporters on one port would split the connections between them without a word; workers of one do.
            ("grpc.so_reuseport", int(shared)),
        ]
        behaviors: dict[str, _Behavior] = {signal.rpc: partial(self._export, signal) for signal in SIGNALS}
        behaviors.update((method, self._unimplemented) for method in _OTHERS)
        self._server = grpc.server(self._threads, options=options)
        self._server.add_generic_rpc_handlers(tuple(map(_service, behaviors.items())))

    def start(self) -> Address:
        """Open the port and serve; returns where. Raises OSError when it cannot be opened."""
        try:
            port = self._server.add_insecure_port(str(self._address))
        except RuntimeError as error:
            raise OSError(str(error)) from None
        self._reception.start()
        self._server.start()
        return self._address._replace(port=port)

    def stop(self, seconds: float) -> None:
        """Take no more requests and let those under way finish, for at most `seconds`."""
        self._server.stop(seconds).wait(seconds + 1.0)
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._reception.stop()

    def _export(self, signal: Signal, messages: Iterator[bytes], context: grpc.ServicerContext) -> bytes:
        code = grpc.StatusCode.OK
        try:
            # Also before the message is received, which costs more than all of a refusal.
            self._in_flight.check()
            body = self._received(messages, context)
            with self._in_flight.reserve() as room:
                room.grow(len(body))
                response = self._ingest.export(signal, body, Encoding.PROTOBUF, _deadline(context))
            return response.SerializeToString()
        except Exception as error:  # noqa: BLE001 - the one table answers, also what it does not know
            code = answer_to(error).grpc
            note_refusal(signal.name, "grpc", error, self._metrics)
            _abort(context, error)
        finally:
            self._metrics.requests.labels(signal.name, "grpc", code.name).inc()

    def _received(self, messages: Iterator[bytes], context: grpc.ServicerContext) -> bytes:
        try:
            with self._reception.place(context):
                message = next(messages, None)
        except grpc.RpcError:
            message = None
        if message is None:
            # gRPC's core answers a too large message itself, and does not tell us which of the two it was.
            raise RetryableError("the call ended before its message: too large, or given up", "grpc_message")
        return message

    def _unimplemented(self, _messages: Iterator[bytes], context: grpc.ServicerContext) -> bytes:
        code = grpc.StatusCode.UNIMPLEMENTED
        self._metrics.requests.labels("none", "grpc", code.name).inc()
        context.abort(code, "this receiver takes traces and logs only: send the rest elsewhere or turn it off")


def _service(method: tuple[str, _Behavior]) -> "grpc.GenericRpcHandler[bytes, bytes]":
    path, behavior = method
    _, service, name = path.split("/")
    return grpc.method_handlers_generic_handler(service, {name: grpc.stream_unary_rpc_method_handler(behavior)})


def _deadline(context: grpc.ServicerContext) -> float | None:
    left = context.time_remaining()
    return None if left is None else time.monotonic() + left - _SPARE_SECONDS


def _abort(context: grpc.ServicerContext, error: Exception) -> NoReturn:
    context.set_trailing_metadata(trailers(error))
    context.abort(answer_to(error).grpc, rpc_status(error).message)
