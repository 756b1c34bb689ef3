"""A Messages API on the loopback interface that plays scripts: streamed or whole, with usage and request ids."""

import hashlib
import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from threading import Lock, Thread
from typing import Any, Final, Self

from tests.claude.ledger import Ledger, Request, ToolCall, Usage
from tests.claude.script import COMPACTION, Place, Scripts, Turn, hook_words, place

_ERROR_TYPES: Final = {400: "invalid_request_error", 529: "overloaded_error", 500: "api_error"}
_SUMMARY: Final = Turn("<summary>Everything so far, in a sentence.</summary>")
#: What the CLI asks for beside the conversation (a title, for example).
_ASIDE: Final = "aside"


class ModelServer:
    """A scripted model on a free port; what it answers is in its `ledger`."""

    def __init__(self, scripts: Scripts) -> None:
        self.ledger = Ledger()
        #: What hooks said to the model.
        self.hook_words: set[str] = set()
        self._scripts = scripts
        self._numbers = count(1)
        self._errors: Counter[Place] = Counter()
        self._lock = Lock()
        self._server = _Server(self)
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Base URL of the API."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def answer(self, body: Mapping[str, Any], session: str) -> tuple[int, str, dict[str, Any]]:
        """Status, request id and message (or error) for a request; noted in the ledger."""
        with self._lock:
            number = next(self._numbers)
            self.hook_words.update(hook_words(body["messages"]))
            where = place(body["messages"]) or Place(_ASIDE, 0)
            turn = self._turn(where)
            request_id = _id("req", session, number)
            if self._errors[where] < turn.errors:
                self._errors[where] += 1
                return turn.error, request_id, _error(turn.error)
            message = _message(turn, body["model"], session, number)
            usage = Usage(*(message["usage"][name] for name in _USAGE))
            calls = tuple(ToolCall(b["id"], b["name"]) for b in message["content"] if b["type"] == "tool_use")
            # Noted before it is given: a CLI that is killed meanwhile was served all the same.
            self.ledger.add(Request(request_id, session, *where, body["model"], usage, calls))
            return 200, request_id, message

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _turn(self, where: Place) -> Turn:
        if where.script == COMPACTION:
            return _SUMMARY
        turns = self._scripts.get(where.script, ())
        return turns[where.turn] if where.turn < len(turns) else Turn("Nothing to add.")


_USAGE: Final = ("input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")


def _message(turn: Turn, model: str, session: str, number: int) -> dict[str, Any]:
    """A message of the API; every request has figures of its own, so that sums tell which are in them."""
    calls = [
        {"type": "tool_use", "id": _id("toolu", session, number, index), "name": call.tool, "input": dict(call.input)}
        for index, call in enumerate(turn.calls)
    ]
    return {
        "id": _id("msg", session, number),
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [*([{"type": "text", "text": turn.text}] if turn.text else []), *calls],
        "stop_reason": "tool_use" if calls else "end_turn",
        "stop_sequence": None,
        "usage": dict(zip(_USAGE, (100 + number, 10 + 3 * number, 1000 + 7 * number, 50 + 11 * number), strict=True)),
    }


def _stream(message: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The events of a streamed message; the figure of output tokens comes last, as with the real API."""
    early = {**message["usage"], "output_tokens": 1}
    head: dict[str, Any] = {**message, "content": [], "stop_reason": None, "usage": early}
    yield {"type": "message_start", "message": head}
    for index, block in enumerate(message["content"]):
        if block["type"] == "text":
            empty: dict[str, Any] = {"type": "text", "text": ""}
            delta = {"type": "text_delta", "text": block["text"]}
        else:
            empty = {**block, "input": {}}
            delta = {"type": "input_json_delta", "partial_json": json.dumps(block["input"])}
        yield {"type": "content_block_start", "index": index, "content_block": empty}
        yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    stop = {"stop_reason": message["stop_reason"], "stop_sequence": None}
    yield {"type": "message_delta", "delta": stop, "usage": message["usage"]}
    yield {"type": "message_stop"}


def _error(status: int) -> dict[str, Any]:
    return {"type": "error", "error": {"type": _ERROR_TYPES[status], "message": "the scripted model refuses"}}


def _id(kind: str, *parts: object) -> str:
    """An id in the API's form; different for every session, request and place."""
    return f"{kind}_01{hashlib.sha256(repr(parts).encode()).hexdigest()[:22]}"


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, model: ModelServer) -> None:
        self.model = model
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """A CLI that was killed in the middle is no news."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]  # typeshed's private alias


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        path = self.path.partition("?")[0]
        if path.endswith("/count_tokens"):
            self._send(200, "req_count", {"input_tokens": 1000})
        elif path.endswith("/v1/messages"):
            self._message(body)
        else:
            self._send(404, "req_unknown", {})

    def do_GET(self) -> None:
        self._send(404, "req_unknown", {})

    def do_HEAD(self) -> None:
        self._send(404, "req_unknown", {})

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Say nothing."""

    def _message(self, body: Mapping[str, Any]) -> None:
        session = self.headers.get("x-claude-code-session-id", "")
        status, request_id, message = self.server.model.answer(body, session)
        if status == 200 and body.get("stream"):
            events = "".join(f"event: {e['type']}\ndata: {json.dumps(e)}\n\n" for e in _stream(message))
            self._answer(status, request_id, events.encode(), "text/event-stream")
        else:
            self._send(status, request_id, message)

    def _send(self, status: int, request_id: str, message: Mapping[str, Any]) -> None:
        self._answer(status, request_id, json.dumps(message).encode(), "application/json")

    def _answer(self, status: int, request_id: str, body: bytes, content_type: str) -> None:
        self.send_response(status)
        headers = {"content-type": content_type, "content-length": str(len(body)), "request-id": request_id}
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
