"""`agent-otel tools`: build and install the pinned Collector and Jaeger."""

import argparse
from collections.abc import Sequence

from agent_otel.local_stack import tools


def run(argv: Sequence[str]) -> int:
    """Install the tools, or say where they are."""
    available = {"collector": tools.collector(), "jaeger": tools.jaeger()}
    parser = argparse.ArgumentParser(
        prog="agent-otel tools",
        description="Build and install the pinned Collector and Jaeger (needs Go, once a few minutes).",
        epilog="example: agent-otel tools install",
    )
    verbs = parser.add_subparsers(dest="verb", required=True)
    install = verbs.add_parser("install", help="build with Go what is not there yet (minutes, once)")
    install.add_argument("names", nargs="*", metavar="NAME", help=f"which ones: {', '.join(available)}; default: all")
    verbs.add_parser("list", help="what is installed, and where")
    arguments = parser.parse_args(argv)
    if arguments.verb == "list":
        for tool in available.values():
            print(f"{tool.name:<10} {tool.version:<8} {tool.installed or 'not installed: ' + tools.INSTALL_COMMAND}")
        return 0
    unknown = set(arguments.names) - set(available)
    if unknown:
        parser.error(f"no such tool: {', '.join(sorted(unknown))}; there are {', '.join(available)}")
    for name in arguments.names or available:
        tools.install(available[name], lambda line: print(line, flush=True))
    return 0
