"""Measure one section in a process of its own, and say row by row what came of it: `python -m benchmarks.gpu_child`.

Each line on stdout that begins with the mark is one object: what begins, a row, or why there is none. After an error
that leaves the device unusable the process ends; whoever started it goes on behind the row that failed.
"""

from __future__ import annotations

import argparse
import gc
import json
import sys
from collections.abc import Callable, Collection, Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from benchmarks.gpu_sections import Task

MARK = "@gpu "
"""Begins a line that is meant for the parent; anything may be printed by a library besides."""
BROKEN = 3
"""Exit status where the device is of no more use to the process."""


def main(arguments: list[str] | None = None) -> int:
    """Run a section's tasks but those named by `--skip`; see `run` for the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu_child")
    parser.add_argument("section")
    parser.add_argument("--shapes", default="26b")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--skip", default="", help="names of tasks, separated by ;")
    options = parser.parse_args(arguments)

    import torch

    from benchmarks.gpu_rows import Place
    from benchmarks.gpu_sections import tasks
    from benchmarks.gpu_shapes import shapes_of

    # With a number, so that tensors, generators and streams all mean the same device.
    device = torch.device("cuda", 0) if options.device == "cuda" else torch.device("cpu")
    torch.set_grad_enabled(False)
    place = Place(shapes_of(options.shapes), device)
    return run(tasks(options.section, place), {*options.skip.split(";")}, lambda: _is_usable(device))


def run(tasks: Iterable[Task], skipped: Collection[str], is_usable: Callable[[], bool]) -> int:
    """Run tasks and say what came of each; return the exit status. The rows behind a failed build are not begun."""
    from benchmarks.gpu_rows import DoesNotFitError

    for name, measure in tasks:
        if name in skipped and name != "build":
            continue
        say({"begin": name})
        reason = ""
        try:
            say({"name": name, "found": measure()})
        except DoesNotFitError as error:
            say({"name": name, "skipped": str(error)})
            return 0
        except Exception as error:
            # One row's failure is a line, whatever it is: the others are still worth having.
            reason = f"{type(error).__name__}: {(str(error).strip().splitlines() or [''])[0]}"[:300]
        if not reason:
            continue
        say({"name": name, "failed": reason})
        if name == "build":
            return 1
        gc.collect()  # The error is gone by now, and with it what its frames held.
        if not is_usable():
            return BROKEN
    return 0


def say(message: dict[str, Any]) -> None:
    """Print an object for the parent."""
    print(MARK + json.dumps(message), flush=True)


def _is_usable(device: Any) -> bool:
    import torch

    if device.type != "cuda":
        return True
    try:
        torch.cuda.synchronize(device)
        torch.cuda.empty_cache()
        torch.ones(1, device=device).add_(1).item()
    except RuntimeError:
        return False
    return True


if __name__ == "__main__":
    sys.exit(main())
