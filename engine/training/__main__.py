"""Make the bundled checkpoint: `python -m engine.training STEP`, each step from the one before.

data       fetch the packages, clean them, learn the tokenizer, pack the token ids
pack       make the packed ids small, to be taken to another machine
run        train for a given time, going on from the last saved state
chunk      one of several equal parts of a run, within a limit of minutes, with a picture and a report
plan       print what the recipes cost: parameters, memory, steps, time
plot       draw a run's log as a picture
export     write the checkpoint folder of the published classes
evaluate   fill held-out holes with a checkpoint folder and print what came of it, as JSON

`python -m engine.training --smoke` runs everything at once, very small, as a test.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


def main(arguments: list[str] | None = None) -> int:
    """Run one step; return the exit status."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.smoke == (options.step is not None):
        parser.error("give one step, or --smoke alone")
    from engine.training import steps

    try:
        if options.smoke:
            return steps.smoke()
        step = getattr(steps, options.step)
        return int(step(options))
    except (FileNotFoundError, RuntimeError, ValueError) as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m engine.training", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--smoke", action="store_true", help="run the whole pipeline, very small, as a test")
    commands = parser.add_subparsers(dest="step", metavar="STEP")
    made = {
        name: commands.add_parser(name)
        for name in ("data", "pack", "run", "chunk", "plan", "plot", "export", "evaluate")
    }
    for name, command in made.items():
        if name not in ("plan", "plot"):
            command.add_argument(
                "--work", type=Path, default=Path("runs/data"), help="where fetched and packed data stands"
            )
        if name in ("run", "chunk", "plot", "export"):
            command.add_argument(
                "--output", type=Path, default=Path("runs/latest"), help="where the run's state stands"
            )
        if name in ("run", "chunk"):
            _add_training_options(command)
    made["data"].add_argument("--vocab-size", type=int, default=8192)
    made["data"].add_argument("--tokenizer", type=Path, help="of a checkpoint to train on; else one is learnt")
    made["data"].add_argument("--languages", nargs="+", help="all of them where not given")
    made["run"].add_argument("--minutes", type=float, default=100, help="of the whole run")
    made["run"].add_argument("--steps", type=int, help="divide the run by steps and not by minutes; can be repeated")
    made["chunk"].add_argument("--minutes", type=float, default=9, help="within which this command ends")
    made["chunk"].add_argument("--chunks", type=int, default=3, help="how many equal parts the run has")
    made["chunk"].add_argument("--travel", type=Path, help="folder for weights and reports that are small enough to go")
    made["chunk"].add_argument("--join", type=Path, help="go on from a light state: its path without part numbers")
    made["plan"].add_argument("--teraflops", type=float, default=200, help="useful operations a second, in 10^12")
    made["export"].add_argument("--folder", type=Path, default=Path("engine/bundled"))
    made["export"].add_argument("--if-better", action="store_true", help="only if its held-out score is the better one")
    made["evaluate"].add_argument("--model", default="bundled", help="`bundled` or a checkpoint folder")
    made["evaluate"].add_argument("--holes", type=int, default=200)
    made["evaluate"].add_argument("--show", type=int, default=0, help="print this many fills beside the true text")
    return parser


def _add_training_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("--recipe", default="cpu", help="cpu, accelerator, rehearsal or smoke")
    command.add_argument("--begin-from", type=Path, help="a checkpoint folder, instead of random weights")
    command.add_argument("--seed", type=int, default=0)
    command.add_argument("--device", help="cpu or cuda; the recipe's own where not given")
    command.add_argument(
        "--compile", action=argparse.BooleanOptionalAction, help="the recipe's own choice where not given"
    )
    command.add_argument("--threads", type=int, default=0, help="0 leaves the choice to torch")
    command.add_argument("--workers", type=int, help="processes that draw batches")


if __name__ == "__main__":
    sys.exit(main())
