"""What error messages of one kind have in common."""

import pytest

from tests.fixtures.quarantine import query


@pytest.mark.parametrize(
    ("message", "pattern"),
    [
        ("plain", "plain"),
        ("", ""),
        ("id 6C8EE4DC-6ba9-4a3f-8d1f-3bd4a8b9a4f7 is gone", "id <uuid> is gone"),
        ("at 0xDEADbeef", "at <hex>"),
        ("at 0x1", "at <hex>"),
        ("commit deadbee1 of deadbeef and 1234567", "commit <hex> of deadbeef and <n>"),
        ("12345678 bytes", "<hex> bytes"),
        ("cannot open /srv/data/x-1.txt: gone", "cannot open <path>: gone"),
        ("/srv is full", "/srv is full"),
        ("in src/a/b.py line 7", "in src<path> line <n>"),
        ("key 'user_7' and \"a\nb\" and ''", "key <text> and <text> and <text>"),
        ("don't", "don't"),
        ("took 1.5 s, -3 of 40 in utf8", "took <n> s, -<n> of <n> in utf<n>"),
        (" a \t\n b ", "a b"),
        ("x" * 300, "x" * 200),
        ("é" * 300, "é" * 200),
        (None, None),
    ],
)
def test_what_differs_between_two_of_a_kind_is_left_out(
    database_url: str, message: str | None, pattern: str | None
) -> None:
    """Ids, addresses, paths, quotations and numbers, in this order; white space becomes single spaces."""
    assert query(database_url, "SELECT error_pattern(%s)", message) == [(pattern,)]
