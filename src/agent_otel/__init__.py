"""Tracing and an audit trail for AI agents, on OpenTelemetry and PostgreSQL.

Names are resolved at their first use: ``import agent_otel`` loads neither OpenTelemetry nor psycopg.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from agent_otel.courier import FlushResult
    from agent_otel.delegation import delegate
    from agent_otel.execution_span import Execution
    from agent_otel.exporter.span_exporter import PostgresSpanExporter
    from agent_otel.propagation import child_env, extract, inject, propagate
    from agent_otel.provider import configure, flush, shutdown
    from agent_otel.step_span import Step
    from agent_otel.tracing import current_execution, execution, log_step, step
    from agent_otel.verification import verify

__all__ = [
    "Execution",
    "FlushResult",
    "PostgresSpanExporter",
    "Step",
    "child_env",
    "configure",
    "current_execution",
    "delegate",
    "execution",
    "extract",
    "flush",
    "inject",
    "log_step",
    "propagate",
    "shutdown",
    "step",
    "verify",
]

_HOME = {
    "Execution": "execution_span",
    "FlushResult": "courier",
    "PostgresSpanExporter": "exporter.span_exporter",
    "Step": "step_span",
    "child_env": "propagation",
    "configure": "provider",
    "current_execution": "tracing",
    "delegate": "delegation",
    "execution": "tracing",
    "extract": "propagation",
    "flush": "provider",
    "inject": "propagation",
    "log_step": "tracing",
    "propagate": "propagation",
    "shutdown": "provider",
    "step": "tracing",
    "verify": "verification",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
