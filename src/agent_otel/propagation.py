"""W3C trace context and baggage in and out of the process: environment, headers, ``_meta`` of MCP, threads.

Environment: https://opentelemetry.io/docs/specs/otel/context/env-carriers/ (``TRACEPARENT``, ``TRACESTATE``,
``BAGGAGE``). Baggage of ours holds ids only, and is written only where a helper of this file is called.
"""

import functools
import os
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from typing import Final, ParamSpec, TypeVar

from opentelemetry import baggage, context, trace
from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.context import Context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from agent_otel.guard import Guard, warn_once

P = ParamSpec("P")
R = TypeVar("R")

#: Key of the enclosing execution or step in the OTel context.
EXECUTION_KEY: Final = context.create_key("agent_otel.execution")

_TRACE_CONTEXT: Final = TraceContextTextMapPropagator()
_BAGGAGE: Final = W3CBaggagePropagator()
_FIELDS: Final = ("traceparent", "tracestate", "baggage")


def context_of(carrier: Mapping[str, str], base: Context | None = None) -> Context:
    """`base` (default: nothing) with the span and baggage that the carrier names; keys in any case."""
    lowered = {key.lower(): value for key, value in carrier.items() if key.lower() in _FIELDS}
    found = _BAGGAGE.extract(lowered, _TRACE_CONTEXT.extract(lowered, Context() if base is None else base))
    if lowered.get("traceparent") and not trace.get_current_span(found).get_span_context().is_valid:
        warn_once(f"agent_otel: traceparent {lowered['traceparent'][:80]!r} is malformed and ignored")
    return found


def environment_context(environ: Mapping[str, str] = os.environ) -> Context:
    """The context that the parent process left in the environment."""
    return context_of({name: environ[name] for name in ("TRACEPARENT", "TRACESTATE", "BAGGAGE") if environ.get(name)})


def inject(carrier: MutableMapping[str, str] | None = None) -> MutableMapping[str, str]:
    """Write ``traceparent``, ``tracestate`` and ``baggage`` of the current execution or step into `carrier`.

    For request headers or the ``_meta`` of an MCP call. Returns the carrier; a new dict when none is given.
    """
    target: MutableMapping[str, str] = {} if carrier is None else carrier
    with Guard("inject"):
        current = context.get_current()
        _TRACE_CONTEXT.inject(target, current)
        scope = current.get(EXECUTION_KEY)
        for key, value in getattr(scope, "baggage", {}).items():
            current = baggage.set_baggage(key, value, current)
        _BAGGAGE.inject(target, current)
    return target


def child_env(base: Mapping[str, str] | None = None) -> dict[str, str]:
    """A copy of the environment in which a child process continues the current execution.

    ``subprocess.run(command, env=agent_otel.child_env())``.
    """
    environment = dict(os.environ if base is None else base)
    injected = inject()
    if "traceparent" in injected:  # else the child goes on where this process did
        for field in _FIELDS:
            environment.pop(field.upper(), None)
        environment.update({name.upper(): value for name, value in injected.items()})
    return environment


@contextmanager
def extract(carrier: Mapping[str, str]) -> Iterator[None]:
    """Continue the trace that `carrier` (request headers, MCP ``_meta``) names while the block runs."""
    token = context.attach(context_of(carrier, context.get_current()))
    try:
        yield
    finally:
        context.detach(token)


def propagate(function: Callable[P, R]) -> Callable[P, R]:
    """Let `function` run in the execution that is current now, whatever thread calls it.

    New threads and thread pools do not inherit OTel's context: ``pool.submit(propagate(work), item)``. asyncio tasks
    and ``asyncio.to_thread`` inherit it by themselves.
    """
    captured = context.get_current()

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        token = context.attach(captured)
        try:
            return function(*args, **kwargs)
        finally:
            context.detach(token)

    return call


def baggage_value(key: str, where: Context) -> str | None:
    """A text in the baggage of `where`, such as the execution id of another process."""
    value = baggage.get_baggage(key, where)
    return value if isinstance(value, str) and value else None
