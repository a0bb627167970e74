"""Make the bundled checkpoint: `python -m engine.training data|run|export|evaluate`, each step from the one before.

data       fetch the packages, clean them, learn the tokenizer, pack the token ids
run        train for a given time, going on from the last saved state
export     write the checkpoint folder of the published classes
evaluate   fill held-out holes with a checkpoint folder and print what came of it, as JSON
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path


def main(arguments: list[str] | None = None) -> int:
    """Run one step; return the exit status."""
    options = _parser().parse_args(arguments)
    return int(options.step(options))


def _data(options: argparse.Namespace) -> int:
    from engine.training import corpus, pack, tokenizer

    sources, records = corpus.collect(options.work)
    corpus.write_manifest(records, options.work / "manifest.json")
    learnt = [file for file in sources if not file.held_out]
    trained = tokenizer.train((pack.condense(file) for file in learnt), options.vocab_size)
    trained.save(str(options.work / "tokenizer.json"))
    for name, files in (("train", learnt), ("held_out", [file for file in sources if file.held_out])):
        packed = pack.pack(files, trained)
        pack.save(packed, options.work / f"{name}.npz")
        print(f"{name}: {len(files):,} files, {len(packed.ids):,} tokens", flush=True)
    return 0


def _run(options: argparse.Namespace) -> int:
    import torch

    from engine.training.train import Recipe, train

    if options.threads:
        torch.set_num_threads(options.threads)
    recipe = Recipe(seconds=options.minutes * 60, device=options.device, seed=options.seed)
    for progress in train(recipe, options.work, options.output):
        held_out = progress.held_out_causal_loss
        judged = "" if held_out is None else f", held out {held_out:.3f} / {progress.held_out_denoising_loss:.3f}"
        losses = f"next token {progress.causal_loss:.3f}, denoising {progress.denoising_loss:.3f} nats"
        print(
            f"{progress.seconds:6.0f} s, step {progress.step}, {progress.positions:,} positions: {losses}{judged}",
            flush=True,
        )
    return 0


def _export(options: argparse.Namespace) -> int:
    from engine.training.export import export
    from engine.training.holes import Sizes

    export(options.output / "state.pt", options.work / "tokenizer.json", options.folder, Sizes())
    print(f"wrote {options.folder}")
    return 0


def _evaluate(options: argparse.Namespace) -> int:
    from engine.training import corpus
    from engine.training.evaluate import evaluate

    sources, _ = corpus.collect(options.work)
    held_out = [file for file in sources if file.held_out]
    print(json.dumps(evaluate(options.model, held_out, options.holes, options.show), indent=2))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m engine.training", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    steps = parser.add_subparsers(required=True)
    for name, step in (("data", _data), ("run", _run), ("export", _export), ("evaluate", _evaluate)):
        command = steps.add_parser(name)
        command.set_defaults(step=step)
        command.add_argument(
            "--work", type=Path, default=Path("runs/data"), help="where fetched and packed data stands"
        )
        if name in ("run", "export"):
            command.add_argument(
                "--output", type=Path, default=Path("runs/latest"), help="where the run's state stands"
            )
        if name == "data":
            command.add_argument("--vocab-size", type=int, default=8192)
        if name == "run":
            command.add_argument("--minutes", type=float, default=100)
            command.add_argument("--threads", type=int, default=0, help="0 leaves the choice to torch")
            command.add_argument("--device", default="cpu")
            command.add_argument("--seed", type=int, default=0)
        if name == "export":
            command.add_argument("--folder", type=Path, default=Path("engine/bundled"))
        if name == "evaluate":
            command.add_argument("--model", default="bundled", help="`bundled` or a checkpoint folder")
            command.add_argument("--holes", type=int, default=200)
            command.add_argument("--show", type=int, default=0, help="print this many fills beside the true text")
    return parser


if __name__ == "__main__":
    sys.exit(main())
