"""The local stack as one thing: started in order, recorded as it starts, stopped in reverse."""

import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Final, Protocol, Self

from agent_otel.errors import LocalStackError
from agent_otel.local_stack import leftovers, rights, state
from agent_otel.local_stack.logs import tail
from agent_otel.local_stack.plan import MIGRATE, MIGRATE_OWN, Hop, Plan, command, environment
from agent_otel.local_stack.process import Identity, identify
from agent_otel.local_stack.program import Program
from agent_otel.local_stack.slots import COLLECTOR, EXPORTER, JAEGER, POSTGRES

MIGRATE_SECONDS: Final = 300


class Part(Protocol):
    """PostgreSQL, or a Program."""

    @property
    def process(self) -> "subprocess.Popen[bytes] | None":
        """The process, once it was started."""

    @property
    def log(self) -> Path:
        """Where its output goes."""

    def begin(self) -> None:
        """Start it."""

    def wait_ready(self) -> None:
        """Return once it is ready."""

    def stop(self) -> None:
        """Stop it, within a bounded time."""


class LocalStack:
    """PostgreSQL, the exporter and, when they are installed, Jaeger and the Collector. Use it with `with`.

    `home` is the folder of everything it keeps, database included; built tools stay in the user's cache. Left out, it
    is the user's own stack, as AGENT_OTEL_HOME and AGENT_OTEL_DATABASE_URL say. `report` gets a line a step;
    `cancelled` is asked between the steps. All parts listen on the loopback interface only. LocalStackError says what
    is in the way.
    """

    def __init__(
        self,
        home: Path | None = None,
        *,
        free_ports: bool = False,
        report: Callable[[str], None] = lambda _: None,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> None:
        self._plan = Plan(environment(home), free_ports=free_ports)
        self._report = report
        self._cancelled = cancelled
        self._parts: dict[str, Part] = {}
        self._held = ExitStack()
        self._ready = False
        self._superuser_url = ""

    @property
    def endpoint(self) -> str:
        """URL for OTLP over HTTP, without /v1/…"""
        return self._plan.endpoint

    @property
    def environ(self) -> Mapping[str, str]:
        """The environment of its parts, and the one in which its user's commands find it."""
        return self._plan.environ

    @property
    def grpc_endpoint(self) -> str:
        """URL for OTLP over gRPC."""
        return self._plan.grpc_endpoint

    @property
    def database_url(self) -> str:
        """The database, as its owner; holds a password."""
        return self._plan.own_database or self._superuser_url

    @property
    def reader_url(self) -> str:
        """The database, as a user who may only read; of an own database, the URL that was given."""
        return self._plan.login_url("reader")

    @property
    def jaeger_query_url(self) -> str | None:
        """URL of Jaeger's queries, or None without Jaeger."""
        return self._plan.jaeger_query_url

    @property
    def hops(self) -> tuple[Hop, ...]:
        """The parts in the order in which a span meets them, with their addresses."""
        return self._plan.hops

    @property
    def missing(self) -> tuple[str, ...]:
        """What is not in the path, and the command that adds it."""
        return self._plan.missing

    def start(self) -> None:
        """Start all parts and return once they are ready; on any error nothing stays behind."""
        folder = self._plan.state_dir
        with ExitStack() as held:
            held.enter_context(state.exclusive(folder))
            for name in leftovers.stop(folder):
                self._report(f"stopped the {name} that an earlier run left behind")
            held.callback(state.remove, folder)
            self._start_parts(held)
            self._ready = True
            self._record()
            self._held = held.pop_all()

    def stop(self) -> None:
        """Stop all parts, the last started first."""
        self._held.close()

    def ended(self) -> list[str]:
        """Names of the parts that have ended though nobody stopped them."""
        return [name for name, part in self._parts.items() if part.process is None or part.process.poll() is not None]

    def last_words(self, name: str) -> str:
        """The end of a part's log, and which file that is."""
        log = self._parts[name].log
        return f"the end of {log}:\n{tail(log)}"

    def restart(self, name: str) -> None:
        """Start a part again that has ended; LocalStackError with the end of its log when it does not come up."""
        self._bring_up(name)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _start_parts(self, held: ExitStack) -> None:
        plan = self._plan
        postgres = None if plan.own_database else plan.postgres()
        if postgres and postgres.stop_leftover():
            self._report("stopped the PostgreSQL that an earlier run left behind")
        plan.ports.require_free()
        if postgres:
            self._add(held, POSTGRES, postgres)
            self._superuser_url = postgres.url
        self._migrate()
        self._add(held, EXPORTER, plan.exporter())
        if JAEGER in plan.parts:
            self._add(held, JAEGER, plan.jaeger())
        if COLLECTOR in plan.parts:
            self._add(held, COLLECTOR, plan.collector())

    def _add(self, held: ExitStack, name: str, part: Part) -> None:
        if self._cancelled():
            raise LocalStackError("stopped before it was ready")
        self._parts[name] = part
        held.callback(self._stop_part, name)
        self._bring_up(name)
        self._report(f"{name} is ready on {self._plan.ports.address(name)}")

    def _bring_up(self, name: str) -> None:
        part = self._parts[name]
        part.begin()
        # Recorded before it is ready: if we are killed now, the next run ends it.
        self._record()
        part.wait_ready()
        self._record()

    def _stop_part(self, name: str) -> None:
        self._report(f"stopping the {name}")
        self._parts.pop(name).stop()

    def _migrate(self) -> None:
        plan = self._plan
        arguments, logins = (MIGRATE_OWN, {}) if plan.own_database else (MIGRATE, plan.logins())
        environ = {**plan.environ, **logins, "AGENT_OTEL_DATABASE_URL": self.database_url}
        try:
            done = subprocess.run(
                command(arguments), env=environ, capture_output=True, text=True, check=False, timeout=MIGRATE_SECONDS
            )
        except subprocess.TimeoutExpired as late:
            raise LocalStackError(f"`agent-otel migrate` did not end within {MIGRATE_SECONDS} s") from late
        if done.returncode:
            raise LocalStackError(f"the database could not be migrated: {done.stderr.strip()}")

    def _record(self) -> None:
        processes = ((name, part.process) for name, part in self._parts.items())
        identities = {name: identify(process.pid) for name, process in processes if process}
        plan, parts = self._plan, self._parts
        state.write(
            plan.state_dir,
            state.State(
                supervisor=_ourselves(),
                ready=self._ready,
                parts=tuple(
                    state.RunningPart(name, plan.ports.address(name), process, *_health(parts[name]))
                    for name, process in identities.items()
                    if process
                ),
                missing=plan.missing,
                endpoint=self.endpoint,
                grpc_endpoint=self.grpc_endpoint,
                database_url=self.database_url,
                reader_url=self.reader_url,
                jaeger_query_url=self.jaeger_query_url,
            ),
        )


def _health(part: Part) -> tuple[str, str | None]:
    return str(part.log), part.ready_url if isinstance(part, Program) else None


def _ourselves() -> Identity:
    own = identify(os.getpid())
    if own is None:
        raise LocalStackError("cannot tell this process's own identity: neither /proc nor ps is there")
    return own


def discard(home: Path) -> None:
    """Delete everything that a stack in `home` keeps, after ending what a killed run left; it must not be running."""
    plan = Plan(environment(home), free_ports=True)
    with state.exclusive(plan.state_dir):
        leftovers.stop(plan.state_dir)
        shutil.rmtree(rights.own_folder(plan.database_dir), ignore_errors=True)
        shutil.rmtree(home)
