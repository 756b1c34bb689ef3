"""How much of one span or log record stands in JSON and text columns. The exact bytes beside them keep the whole."""

from typing import Final, NamedTuple

KIB: Final = 1024

#: Characters of a text that is a column of its own or a fact of an execution, such as an agent's name; the attribute
#: that it is taken from has the rest.
MAX_TEXT: Final = 8 * KIB
#: Members of a list that is a fact of an execution, or of what is said about it.
MAX_MEMBERS: Final = 1_000
#: Characters of a stack trace that stands with an error.
MAX_STACK: Final = 16 * KIB
#: Most levels that may be shown: protobuf parsers stop at 100 levels of messages, and a map within a map takes three.
MOST_DEPTH: Final = 32


class Limits(NamedTuple):
    """Limits of one record. Content attributes (prompts, messages, tool input and output) know only `depth`."""

    #: Attributes of one span, event, link or log record. The first stand, and every one that semconv.py names.
    attributes: int = 1024
    #: UTF-8 bytes of a text. A larger list or map keeps its first members, as many as `attributes` says.
    value: int = 64 * KIB
    #: Lists and maps within each other.
    depth: int = 24
    #: Events of one span.
    events: int = 1024
    #: Links of one span.
    links: int = 1024


DEFAULT: Final = Limits()
