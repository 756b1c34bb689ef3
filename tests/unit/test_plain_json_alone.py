"""agent_otel.plain_json in a process that has not imported json, as a shell call is one."""

import json
import subprocess
import sys

import pytest

_READ = """
import sys
from agent_otel import plain_json
assert "json" not in sys.modules
try:
    plain_json.loads(sys.argv[1])
except ValueError as error:
    print(error)
"""

BROKEN = [
    '{"a": "b',
    '{"a"',
    "{",
    "[1,",
    "[1 2]",
    '{"a": "\\u12"}',
    '"\\x"',
    '"a\tb"',
    '{"a": 1,}',
    "{'a': 1}",
    "nul",
    "-",
]


@pytest.mark.parametrize("text", BROKEN)
def test_what_is_no_json_is_a_value_error(text: str) -> None:
    """Wherever it is broken; the scanner's own error needs a module that nobody has imported."""
    with pytest.raises(ValueError, match=r"\w"):
        json.loads(text)
    read = subprocess.run([sys.executable, "-c", _READ, text], capture_output=True, text=True, check=False)
    assert read.returncode == 0, read.stderr
    assert read.stdout.strip()
