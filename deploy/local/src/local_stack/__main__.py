"""`python -m local_stack up|down|reset|status|logs|demo|demo-compose` (the Makefile's); `supervise` is for `up`."""

from __future__ import annotations

import argparse
import os
import sys

from local_stack import commands, compose
from local_stack.errors import StackError
from local_stack.state import StateFolder, repository_root, state_root
from local_stack.supervisor import ports_from, supervise


def main(arguments: list[str]) -> int:
    """Dispatch; an expected failure is one sentence and status 1."""
    parser = argparse.ArgumentParser(prog="local_stack", description="The local stack of Tollway")
    actions = parser.add_subparsers(dest="action", required=True)
    for name in ("up", "down", "reset", "supervise", "components"):
        actions.add_parser(name)
    actions.add_parser("status").add_argument("--json", action="store_true")
    actions.add_parser("logs").add_argument("name", nargs="?")
    for name in ("demo", "demo-compose", "bench"):
        actions.add_parser(name, add_help=False)
    chosen, rest = parser.parse_known_args(arguments)
    if rest and chosen.action not in ("demo", "demo-compose", "bench"):
        parser.error(f"unknown: {' '.join(rest)}")
    folder = StateFolder(state_root(os.environ, repository_root()))
    try:
        match chosen.action:
            case "up":
                return commands.up(folder)
            case "down":
                return commands.down(folder)
            case "reset":
                return commands.reset(folder)
            case "status":
                return commands.status(folder, json_form=chosen.json)
            case "logs":
                return commands.logs(folder, chosen.name)
            case "components":
                return commands.components(folder)
            case "demo":
                return commands.demo(folder, rest)
            case "bench":
                return commands.bench(folder, rest)
            case "demo-compose":
                return compose.demo(ports_from(os.environ), rest)
            case _:
                return supervise(folder.root, os.environ)
    except StackError as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
