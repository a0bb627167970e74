"""Says how checkpoints would be run on this machine, for those who show it: python -m engine.plan_report FOLDER...

Looks at each folder's configuration alone, and loads no weights. Prints one JSON object: a line for the user by folder,
null where nothing can be told.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from engine.api import EngineError
from engine.folder_sizes import sizes_in
from engine.loading import device_of
from engine.plan import choose, refusal
from engine.room import card_of, free_bytes


def main(folders: list[str]) -> int:
    """Print the report and return the exit status."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    print(json.dumps({folder: _line(Path(folder)) for folder in folders}))
    return 0


def _line(folder: Path) -> str | None:
    device = device_of(None)
    try:
        sizes = sizes_in(folder, device)
    except EngineError:
        return None
    if sizes is None:
        return None
    free, card = free_bytes(device), card_of(device)
    plan = choose(free, sizes, card)
    return refusal(free, sizes, card, "auto") if plan is None else plan.why


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
