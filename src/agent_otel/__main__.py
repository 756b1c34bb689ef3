"""`python -m agent_otel`: the same as the `agent-otel` command."""

import sys

from agent_otel.cli import main

if __name__ == "__main__":
    sys.exit(main())
