"""What the scripted model says: turns, chosen by a marker in the prompt."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

_MARKER: Final = re.compile(r"\[\[([a-z0-9-]+)\]\]")
#: How both CLI versions ask for a summary when a conversation is compacted.
_COMPACTION: Final = "Your task is to create a detailed summary"
#: How both tell the model what a hook printed or complained of.
_HOOK: Final = re.compile(r"\w+(?::[\w-]+)? hook (?:success|error|blocking error|additional context|stopped)[^\n]*")
#: Whose a request for such a summary is.
COMPACTION: Final = "compaction"
FOR_EVER: Final = 10**9


class Call(NamedTuple):
    """A tool call that the model asks for."""

    tool: str
    input: Mapping[str, Any]


class Turn(NamedTuple):
    """One answer: a text, tool calls, or both; before it the status `error` as often as `errors` says."""

    text: str = ""
    calls: Sequence[Call] = ()
    error: int = 0
    errors: int = 0


Scripts = Mapping[str, Sequence[Turn]]


class Place(NamedTuple):
    """Where a conversation is: the name of its script, and how many turns of it the model has had."""

    script: str
    turn: int


def prompt(script: str, words: str = "please") -> str:
    """A prompt that the script of this name answers."""
    return f"[[{script}]] {words}"


def place(messages: Sequence[Mapping[str, Any]]) -> Place | None:
    """Where a conversation is, told from what the user said last with a marker in it; None without a marker."""
    if messages and _COMPACTION in _said(messages[-1]):
        return Place(COMPACTION, 0)
    turns = 0
    for message in reversed(messages):
        if message["role"] == "assistant":
            turns += 1
            continue
        marks = _MARKER.findall(_said(message))
        if marks:
            return Place(marks[-1], turns)
    return None


def hook_words(messages: Sequence[Mapping[str, Any]]) -> list[str]:
    """What hooks said to the model; ours must say nothing."""
    return [words for message in messages if message["role"] == "user" for words in _HOOK.findall(_said(message))]


def _said(message: Mapping[str, Any]) -> str:
    """The text of a message, without what tools gave back: that may quote anybody's prompt."""
    content = message["content"]
    if isinstance(content, str):
        return content
    return "\n".join(block["text"] for block in content if block["type"] == "text")
