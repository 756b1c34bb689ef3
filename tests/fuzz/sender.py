"""What sends payloads: clients of the protocols that keep their connections, and plain sockets."""

import http.client
import socket
import time
from collections import deque
from typing import Any, Final, NamedTuple

import grpc

from agent_otel.exporter.supervisor import Addresses
from tests.contract.doors import LOGS, TRACES
from tests.fuzz.payload import NO_ANSWER, Payload

#: No answer after this long is a hang.
BOUND: Final = 20.0
#: How long an answer to what may have none is waited for, once nothing more is sent.
_LISTEN: Final = 3.0
_MOST_HALF_OPEN: Final = 50
_COME_BACK: Final = frozenset({503})
_ATTEMPTS: Final = 40
_SIGNALS: Final = {TRACES.path: TRACES, LOGS.path: LOGS}
_STATUS: Final = {
    grpc.StatusCode.INVALID_ARGUMENT: 400,
    grpc.StatusCode.UNIMPLEMENTED: 404,
    grpc.StatusCode.RESOURCE_EXHAUSTED: 413,
    grpc.StatusCode.UNAVAILABLE: 503,
}


class Answer(NamedTuple):
    """What came back."""

    status: int
    #: How many items were said to be rejected.
    rejected: int = 0
    #: Whether a time to come back was given.
    retry: bool = False
    seconds: float = 0.0


class Sender:
    """One client: an HTTP connection, a gRPC channel, and some connections that it left half open."""

    def __init__(self, addresses: Addresses) -> None:
        self._addresses = addresses
        self._http: http.client.HTTPConnection | None = None
        self._channel = grpc.insecure_channel(
            str(addresses.grpc), options=[("grpc.use_local_subchannel_pool", 1), ("grpc.max_send_message_length", -1)]
        )
        self._half_open: deque[socket.socket] = deque(maxlen=_MOST_HALF_OPEN)
        self.told_to_come_back = 0

    def send(self, payload: Payload) -> Answer:
        """Send it, again when told to; raises TimeoutError when no answer comes within BOUND."""
        for _ in range(_ATTEMPTS):
            started = time.monotonic()
            answer = self._once(payload)
            if answer.status not in _COME_BACK:
                break
            assert answer.retry, f"{answer.status} without saying when to come back"
            self.told_to_come_back += 1
            time.sleep(0.05)
        return answer._replace(seconds=time.monotonic() - started)

    def close(self) -> None:
        """Close every connection."""
        self._channel.close()
        self._drop()
        while self._half_open:
            self._half_open.popleft().close()

    def _once(self, payload: Payload) -> Answer:
        if payload.door == "grpc":
            return self._grpc(payload)
        if payload.door == "http":
            return self._request(payload)
        if payload.door.endswith("-half"):
            return self._leave(payload)
        return self._wire(payload)

    def _grpc(self, payload: Payload) -> Answer:
        signal = _SIGNALS[payload.path]
        try:
            response = self._channel.unary_unary(signal.rpc, bytes, bytes)(payload.body, timeout=BOUND)
        except grpc.RpcError as error:
            refusal: Any = error
            if refusal.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
                raise TimeoutError(payload.kind) from error
            retry = "google.rpc.retryinfo-bin" in dict(refusal.trailing_metadata() or ())
            # What stands for no HTTP status is an answer that must not be.
            return Answer(503 if retry else _STATUS.get(refusal.code(), 500), retry=retry)
        return Answer(200, _rejected(signal.response.FromString(response), signal))

    def _request(self, payload: Payload) -> Answer:
        try:
            return self._exchange(payload)
        except (ConnectionError, http.client.HTTPException):
            # A kept connection may be closed at any time; a new one may not.
            self._drop()
            return self._exchange(payload)

    def _exchange(self, payload: Payload) -> Answer:
        if self._http is None:
            self._http = http.client.HTTPConnection(self._addresses.http.host, self._addresses.http.port, timeout=BOUND)
        try:
            self._http.request(payload.method, payload.path, payload.body, dict(payload.headers))
            response = self._http.getresponse()
            body = response.read()
        except BaseException:
            self._drop()
            raise
        rejected = 0
        if response.status == 200 and payload.headers.get("Content-Type") == "application/x-protobuf":
            signal = _SIGNALS[payload.path]
            rejected = _rejected(signal.response.FromString(body), signal)
        return Answer(response.status, rejected, response.headers["Retry-After"] is not None)

    def _wire(self, payload: Payload) -> Answer:
        address = self._addresses.http if payload.door == "http-wire" else self._addresses.grpc
        with socket.create_connection(address, timeout=BOUND) as connection:
            received = b""
            try:
                connection.sendall(payload.body)
                if payload.door == "http-wire":
                    # No more will come, so whatever is incomplete can be judged now.
                    connection.shutdown(socket.SHUT_WR)
                connection.settimeout(_LISTEN if payload.door == "http-wire" else 0.05)
                while (data := connection.recv(65536)) and len(received) < 10**6:
                    received += data
            except TimeoutError:
                if payload.door == "http-wire":
                    raise
            except OSError:
                pass
        return Answer(_status(received) if payload.door == "http-wire" else NO_ANSWER)

    def _leave(self, payload: Payload) -> Answer:
        address = self._addresses.http if payload.door == "http-half" else self._addresses.grpc
        if len(self._half_open) == _MOST_HALF_OPEN:
            self._half_open.popleft().close()
        connection = socket.create_connection(address, timeout=BOUND)
        connection.sendall(payload.body)
        self._half_open.append(connection)
        return Answer(NO_ANSWER)

    def _drop(self) -> None:
        if self._http is not None:
            self._http.close()
            self._http = None


def _rejected(response: Any, signal: Any) -> int:
    return int(getattr(response.partial_success, signal.rejected))


def _status(answer: bytes) -> int:
    line = answer.split(b"\r\n", 1)[0].split(b" ")
    return int(line[1]) if len(line) > 1 and line[0].startswith(b"HTTP/1.") and line[1].isdigit() else NO_ANSWER
