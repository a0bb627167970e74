"""Where `infill-lsp` starts: the language server when no command is given, the command line otherwise.

Editors wait for the server, so the way to it imports neither the command line nor anything else that it does not need.
"""

from __future__ import annotations

import gc
import sys


def main() -> int:
    """Run what the arguments ask for and return the exit status."""
    arguments = sys.argv[1:]
    if all(argument == "--stdio" for argument in arguments):
        # The wire types are some thousand classes that live as long as the process: looking for garbage among them
        # while they are made would be a seventh of the start.
        gc.disable()
        from infill_lsp.server import serve_stdio

        if not arguments and sys.stdin.isatty():
            hint = (
                "this is the language server, which editors start; infill-lsp --help names the commands (Ctrl-D ends)"
            )
            print(f"infill-lsp: {hint}", file=sys.stderr)
        gc.freeze()
        gc.enable()
        return serve_stdio()
    if arguments == ["--version"]:
        from infill_lsp import __version__

        print(f"infill-lsp {__version__}")
        return 0
    from infill_lsp.cli.app import run

    return run(arguments)


if __name__ == "__main__":
    sys.exit(main())
