"""`make pictures`: take all pictures anew. Each is made from a real editor; nothing of it is drawn by hand."""

from __future__ import annotations

import sys
from pathlib import Path

from pictures import of_neovim, of_vscode

_FOLDER = Path(__file__).parents[3] / "docs/pictures"


def main(editors: list[str]) -> None:
    """Take the pictures of the editors that are named, or of all."""
    _FOLDER.mkdir(exist_ok=True)
    for name, each in {"neovim": of_neovim, "vscode": of_vscode}.items():
        if not editors or name in editors:
            each.take(_FOLDER)


if __name__ == "__main__":
    main(sys.argv[1:])
