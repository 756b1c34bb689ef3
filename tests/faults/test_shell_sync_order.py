"""Reading what strace says of a call: which order of writing, syncing, sending and answering is safe."""

import pytest

from tests.faults.shell_syncs import unsafe

RENAME = '1 rename("/s/1.spool.new", "/s/1.spool") = 0'
WRITE = '1 write(3</s/1.spool>, "AOTL\\1\\2"..., 10) = 10'
SYNC = "1 fsync(3</s/1.spool>) = 0"
SYNC_FOLDER = "1 fsync(4</s>) = 0"
FAILED_SYNC = "1 fsync(3</s/1.spool>) = -1 EIO (Input/output error)"
CONNECT = (
    "1 connect(4<socket:[7]>, {sa_family=AF_INET, sin_port=htons(1)}, 16) = -1 EINPROGRESS (Operation now in progress)"
)
FOLD = '1 write(5</s/0.spool>, "AOTL", 10) = 10'
SYNC_FOLDED = "1 fdatasync(5</s/0.spool>) = 0"
REMOVE = '1 unlink("/s/1.spool") = 0'
ANSWER = '1 write(1<pipe:[9]>, "{\\"success\\": true"..., 10) = 10'


def found(*lines: str) -> list[str]:
    """What is not safe in this order."""
    return list(unsafe("\n".join([*lines, "1 +++ exited with 0 +++"])))


@pytest.mark.parametrize(
    "lines",
    [
        (RENAME, WRITE, SYNC, SYNC_FOLDER, CONNECT, REMOVE, ANSWER),
        (RENAME, WRITE, SYNC_FOLDER, SYNC, CONNECT, FOLD, SYNC_FOLDED, REMOVE, ANSWER),
    ],
    ids=["delivered", "moved to another segment"],
)
def test_all_is_synced_before_it_counts(lines: tuple[str, ...]) -> None:
    """File and folder before sending; what is written later before the answer."""
    assert found(*lines) == []


@pytest.mark.parametrize(
    "lines",
    [
        (RENAME, WRITE, SYNC_FOLDER, CONNECT, SYNC, ANSWER),
        (RENAME, WRITE, SYNC, CONNECT, SYNC_FOLDER, ANSWER),
        (RENAME, WRITE, SYNC, SYNC_FOLDER, CONNECT, FOLD, REMOVE, ANSWER),
        (RENAME, WRITE, FAILED_SYNC, SYNC_FOLDER, CONNECT, REMOVE, ANSWER),
        (CONNECT, ANSWER),
        (RENAME, WRITE, SYNC, SYNC_FOLDER, CONNECT, REMOVE),
    ],
    ids=["sent first", "no name yet", "moved and not synced", "sync failed", "nothing written", "no answer"],
)
def test_what_a_power_cut_could_take_is_found(lines: tuple[str, ...]) -> None:
    """Also a trace in which nothing happened."""
    assert found(*lines)
