"""The embedded PostgreSQL: what it promises about durability and passwords, and how it recovers."""

import os
import pwd
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from agent_otel.errors import LocalStackError
from agent_otel.local_stack import rights
from agent_otel.local_stack.ports import LOOPBACK, free_port
from agent_otel.local_stack.postgres import EmbeddedPostgres, installed_binaries
from agent_otel.local_stack.process import Identity, identify, wait_until

_AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
_GONE_SECONDS = 10

#: Run by another Python: start in the folder argv[1], answer on standard output, stop at the end of standard input.
_OWNER = """
import sys
from pathlib import Path
from agent_otel.local_stack.ports import free_port
from agent_otel.local_stack.postgres import EmbeddedPostgres
with EmbeddedPostgres(Path(sys.argv[1]), free_port()) as cluster:
    print(cluster.url, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    """A cluster of the test's own, running."""
    with EmbeddedPostgres(tmp_path / "home", free_port()) as running:
        yield running


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user can reach, unlike pytest's own as root."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def _value(cluster: EmbeddedPostgres, query: str) -> object:
    with psycopg.connect(cluster.url) as connection:
        row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return row[0]


def _processes_in(home: Path) -> list[Identity]:
    found = (identify(int(entry.name)) for entry in Path("/proc").iterdir() if entry.name.isdecimal())
    return [process for process in found if process and any(str(home) in part for part in process.argv)]


def _parents(path: Path) -> dict[Path, tuple[int, int, int]]:
    stats = {parent: parent.stat() for parent in path.parents}
    return {parent: (stat.st_mode, stat.st_uid, stat.st_gid) for parent, stat in stats.items()}


@pytest.mark.parametrize("setting", ["fsync", "synchronous_commit", "full_page_writes", "data_checksums"])
def test_durability_is_on(postgres: EmbeddedPostgres, setting: str) -> None:
    """A commit is on disk, and a rotten page is noticed."""
    assert _value(postgres, f"SHOW {setting}") == "on"


def test_every_connection_needs_the_password(postgres: EmbeddedPostgres) -> None:
    """No rule of the server trusts anybody, and a wrong password is refused on TCP and on the socket."""
    with psycopg.connect(postgres.url) as connection:
        methods = {row[0] for row in connection.execute("SELECT auth_method FROM pg_hba_file_rules")}
    assert methods == {"scram-sha-256"}
    assert postgres.socket_folder is not None
    for host in (LOOPBACK, str(postgres.socket_folder)):
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(host=host, port=postgres.port, user="postgres", password="guess", dbname="agent_otel")


def test_others_cannot_reach_socket_password_or_data(postgres: EmbeddedPostgres) -> None:
    """Folders are the owner's alone, and so is the file with the password."""
    assert postgres.socket_folder is not None
    home = postgres.socket_folder.parent
    modes = {name: (home / name).stat().st_mode & 0o777 for name in ("data", "socket", "password")}
    assert modes == {"data": 0o700, "socket": 0o700, "password": 0o600}


def test_what_was_committed_is_there_after_a_kill(cluster: EmbeddedPostgres, tmp_path: Path) -> None:
    """SIGKILL of the server loses nothing that was committed, and the next start recovers by itself."""
    with psycopg.connect(cluster.url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    assert cluster.process is not None
    cluster.process.kill()
    cluster.process.wait()
    # The server's own children notice its end a moment later; it refuses to start beside them.
    assert wait_until(lambda: not _processes_in(tmp_path), _GONE_SECONDS)
    cluster.start()
    assert _value(cluster, "SELECT answer FROM kept") == 42


def test_a_stale_lock_whose_pid_belongs_to_another_program_does_not_stop_the_start(tmp_path: Path) -> None:
    """A lock of a dead server is removed though its pid is in use again."""
    home = tmp_path / "home"
    with EmbeddedPostgres(home, free_port()) as cluster:
        assert cluster.process is not None
        lock = (home / "data/postmaster.pid").read_text()
        pid = cluster.process.pid
    (home / "data/postmaster.pid").write_text(lock.replace(str(pid), str(os.getpid()), 1))
    with EmbeddedPostgres(home, free_port()) as cluster:
        assert _value(cluster, "SELECT 1") == 1


def test_a_second_server_on_the_same_folder_is_refused(cluster: EmbeddedPostgres, tmp_path: Path) -> None:
    """The message names the process that runs on the folder, which goes on undisturbed."""
    assert cluster.process is not None
    with pytest.raises(LocalStackError, match=rf"already runs on .* \(pid {cluster.process.pid}\)"):
        EmbeddedPostgres(tmp_path / "home", free_port()).start()
    assert _value(cluster, "SELECT 1") == 1


def test_a_server_left_by_a_killed_program_is_stopped(tmp_path: Path) -> None:
    """Only the next run can end what its killed predecessor left; there is nothing to end a second time."""
    home = tmp_path / "home"
    with subprocess.Popen([sys.executable, "-c", _OWNER, str(home)], stdin=-1, stdout=-1) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline()
        owner.kill()
    assert _processes_in(home)
    cluster = EmbeddedPostgres(home, free_port())
    assert cluster.stop_leftover()
    assert _processes_in(home) == []
    assert not cluster.stop_leftover()
    with cluster:
        assert _value(cluster, "SELECT 1") == 1


def test_a_taken_port_is_named(postgres: EmbeddedPostgres, tmp_path: Path) -> None:
    """The message says which port is taken."""
    with pytest.raises(LocalStackError, match=f"port {postgres.port}.*is taken"):
        EmbeddedPostgres(tmp_path / "home", postgres.port).start()


def test_data_of_another_major_version_is_refused(tmp_path: Path) -> None:
    """The message names both versions, and the data stays as it is."""
    home = tmp_path / "home"
    with EmbeddedPostgres(home, free_port()):
        pass
    (home / "data/PG_VERSION").write_text("16\n")
    with pytest.raises(LocalStackError, match="made by PostgreSQL 16, the installed wheel has 18"):
        EmbeddedPostgres(home, free_port()).start()
    assert (home / "data/base").exists()


def test_a_half_made_cluster_is_made_anew(tmp_path: Path) -> None:
    """A kill during the first start leaves nothing that stops the next one."""
    unfinished = tmp_path / "home/data.new"
    unfinished.mkdir(parents=True)
    (unfinished / "PG_VERSION").write_text("18\n")
    with EmbeddedPostgres(tmp_path / "home", free_port()) as cluster:
        assert _value(cluster, "SELECT current_database()") == "agent_otel"
    assert not unfinished.exists()


def test_a_path_too_long_for_a_socket_leaves_tcp(tmp_path: Path) -> None:
    """A deep folder costs the socket, not the server."""
    with EmbeddedPostgres(tmp_path / ("deep" * 30), free_port()) as cluster:
        assert cluster.socket_folder is None
        assert _value(cluster, "SHOW unix_socket_directories") == ""


def test_a_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    """The message ends with PostgreSQL's own words."""
    home = tmp_path / "home"
    with EmbeddedPostgres(home, free_port()):
        pass
    with (home / "data/postgresql.conf").open("a") as file:
        file.write("no_such_setting = 1\n")
    with pytest.raises(LocalStackError, match='unrecognized configuration parameter "no_such_setting"'):
        EmbeddedPostgres(home, free_port()).start()
    assert _processes_in(tmp_path) == []


def test_no_parent_folder_and_no_user_is_changed(tmp_path: Path) -> None:
    """Modes and owners above the folder, and the list of users, are the same afterwards."""
    home = tmp_path / "a" / "b"
    home.parent.mkdir()
    before = (_parents(home), Path("/etc/passwd").read_bytes(), _parents(installed_binaries()))
    with EmbeddedPostgres(home, free_port()):
        during = (_parents(home), Path("/etc/passwd").read_bytes(), _parents(installed_binaries()))
    assert during == before
    assert (_parents(home), Path("/etc/passwd").read_bytes(), _parents(installed_binaries())) == before


@_AS_ROOT
def test_root_keeps_the_data_without_running_the_server_as_root(cluster: EmbeddedPostgres, tmp_path: Path) -> None:
    """In its user namespace the server is nobody; outside of it the data is root's."""
    assert cluster.process is not None
    if (tmp_path / "home/data").stat().st_uid != 0:
        pytest.skip("user namespaces are refused here; the other way has a test of its own")
    namespace = Path(f"/proc/{cluster.process.pid}/uid_map").read_text().split()
    assert namespace == [str(pwd.getpwnam("nobody").pw_uid), "0", "1"]


@_AS_ROOT
def test_where_namespaces_are_refused_it_runs_as_nobody(
    open_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Programs and data are in a folder of their own, which root's closed home stays closed for."""
    monkeypatch.setattr(rights, "_works", lambda _: False)
    monkeypatch.setattr(rights, "OWN_FOLDERS", open_folder / "own")
    home = tmp_path / "home"
    before = _parents(home)
    with EmbeddedPostgres(home, free_port()) as cluster:
        assert cluster.process is not None
        assert Path(f"/proc/{cluster.process.pid}").stat().st_uid == pwd.getpwnam("nobody").pw_uid
        assert _value(cluster, "SELECT 1") == 1
    (own,) = (open_folder / "own").iterdir()
    assert own.stat().st_mode & 0o777 == 0o700
    assert not (home / "data").exists()
    assert _parents(home) == before


@_AS_ROOT
def test_data_of_a_namespace_is_not_silently_begun_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where namespaces stopped working, the existing database is named instead of an empty one being made."""
    (tmp_path / "data").mkdir()
    monkeypatch.setattr(rights, "_works", lambda _: False)
    with pytest.raises(LocalStackError, match="user namespace, which this system now refuses"):
        EmbeddedPostgres(tmp_path, free_port())


@_AS_ROOT
def test_an_ordinary_user_runs_it_directly(open_folder: Path) -> None:
    """Started by uid 65534 with the system's Python, in a folder of its own."""
    os.chown(open_folder, 65534, 65534)
    packages = [str(Path(rights.__file__).parents[2]), str(Path(psycopg.__file__).parents[1])]
    as_nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    if subprocess.run([*as_nobody, "test", "-r", *packages[1:]], check=False).returncode:
        pytest.skip("this checkout is in a folder that other users cannot read")
    command = [*as_nobody, "/usr/bin/python3", "-B", "-c", _OWNER, str(open_folder / "home")]
    environ = {"PYTHONPATH": os.pathsep.join(packages), "PATH": os.defpath, "HOME": str(open_folder)}
    with subprocess.Popen(command, stdin=-1, stdout=-1, env=environ, text=True) as owner:
        assert owner.stdout is not None
        assert owner.stdin is not None
        with psycopg.connect(owner.stdout.readline().strip()) as connection:
            assert connection.execute("SHOW fsync").fetchone() == ("on",)
        owner.stdin.close()
    assert owner.returncode == 0
    assert (open_folder / "home/data").stat().st_uid == 65534
