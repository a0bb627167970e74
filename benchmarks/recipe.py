"""Compare training choices at equal processor time: `python -m benchmarks.recipe --compare NAME --cpu-minutes M`.

Every arm begins from the same weights (random ones, or a checkpoint's), learns for the same processor time, and is
judged on the same held-out holes (`engine.training.judge`): nats a character for the fill of an all-noise hole with a
clean suffix and for the next token, and the rank correlation of predicted and true length. One seed an arm: small
differences say nothing. A run that was stopped goes on where it was; an arm that was finished is not run again.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, replace
from datetime import date
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table
from tokenizers import Tokenizer

from engine.bench import machine
from engine.training import judge, travel
from engine.training import tokenizer as training_tokenizer
from engine.training.data import pack
from engine.training.holes import Sizes
from engine.training.network import Shape
from engine.training.noise import Task
from engine.training.recipes import Recipe
from engine.training.train import Run

# Small, so that minutes show something.
_BASE = Recipe(shape=Shape(hidden_size=192, intermediate_size=512, num_layers=4, num_heads=3, num_key_value_heads=1))
_ADAM = replace(_BASE, matrix_optimizer="adamw")
_ALL_SUFFIXES, _SOME_SUFFIXES = Task(noised_suffixes=1.0), Task(noised_suffixes=0.3)

# About the same number of positions a step in all arms of a comparison.
COMPARISONS: dict[str, dict[str, Recipe]] = {
    "form": {
        "infilling alone": _BASE,
        "30 % with noised suffix": replace(_BASE, task=_SOME_SUFFIXES),
        "all with noised suffix": replace(_BASE, task=_ALL_SUFFIXES),
    },
    "canvases": {
        "2 canvases a prefix": replace(_BASE, sizes=Sizes(windows=12, canvases=2)),
        "6 canvases a prefix": _BASE,
        "12 canvases a prefix": replace(_BASE, sizes=Sizes(windows=5, canvases=12)),
    },
    "order": {
        "joint": replace(_BASE, causal_share=0.0),
        "next token 45 % first": _BASE,
        "next token 70 % first": replace(_BASE, causal_share=0.7),
    },
    "noise": {
        "mask": _BASE,
        "uniform": replace(_BASE, task=Task(noise="uniform")),
        "hybrid": replace(_BASE, task=Task(noise="hybrid")),
    },
    "vocabulary": {
        "8192": _BASE,
        "4096": replace(_BASE, shape=replace(_BASE.shape, vocab_size=4096)),
    },
    "optimizer": {
        "muon .02": _BASE,
        "muon .01": replace(_BASE, matrix_rate=0.01),
        "adamw .003": replace(_ADAM, matrix_rate=0.003),
        "adamw .001": replace(_ADAM, matrix_rate=0.001),
    },
    "width": {
        "independent": _BASE,
        "independent, slack counts 1": replace(_BASE, task=Task(slack_weight=1.0)),
        "fitting": replace(_BASE, task=Task(fitting_widths=True)),
    },
}


def compare(
    name: str, work: Path, output: Path, cpu_seconds: float, num_holes: int, begin_from: Path | None, seed: int
) -> Iterator[dict[str, object]]:
    """Train and judge the arms of a comparison one after another; yield each one's result."""
    holes = _held_out_holes(work, num_holes)
    for arm, recipe in COMPARISONS[name].items():
        folder = output / name / arm.replace(" ", "-")
        done = folder / "result.json"
        if not done.exists():
            recipe = replace(recipe, seconds=cpu_seconds, begin_from=begin_from, seed=seed)
            done.parent.mkdir(parents=True, exist_ok=True)
            done.write_text(json.dumps({"comparison": name, "arm": arm, **_run(recipe, work, output, folder, holes)}))
        yield json.loads(done.read_text())


def _run(recipe: Recipe, work: Path, output: Path, folder: Path, holes: list[judge.Hole]) -> dict[str, object]:
    data = _in_vocabulary(work, output, recipe.shape.vocab_size)
    run = Run(recipe, data, folder)
    for _ in run.advance(clock=time.process_time):
        pass
    tokenizer = Tokenizer.from_file(str(data / "tokenizer.json"))
    judged = judge.judge(run.network, tokenizer, holes, recipe.sizes, recipe.task)
    counters = run.counters
    return {
        **{key: round(value, 4) for key, value in asdict(judged).items()},
        "cpu_seconds": round(counters.seconds, 1),
        "steps": counters.step,
        "positions": counters.positions,
    }


def _held_out_holes(work: Path, count: int) -> list[judge.Hole]:
    tokenizer = Tokenizer.from_file(str(work / "tokenizer.json"))
    return judge.draw(pack.texts_of(travel.load(work, "held_out"), tokenizer), count)


def _in_vocabulary(work: Path, output: Path, vocab_size: int) -> Path:
    """Return a folder with the data in a vocabulary of that size: the given one, or one learnt and packed anew."""
    given = Tokenizer.from_file(str(work / "tokenizer.json"))
    if given.get_vocab_size() + training_tokenizer.NUM_SPARE_IDS == vocab_size:
        return work
    folder = output / f"vocabulary-{vocab_size}"
    if (folder / "held_out.npz").exists():
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    texts = {name: pack.texts_of(travel.load(work, name), given) for name in ("train", "held_out")}
    learnt = training_tokenizer.train(texts["train"], vocab_size)
    learnt.save(str(folder / "tokenizer.json"))
    for name, files in texts.items():
        pack.save(pack.pack_texts(files, learnt), folder / f"{name}.npz")
    return folder


def _table(rows: list[dict[str, object]]) -> Table:
    table = Table("arm", "denoising", "next token", "length correlation", "steps", "million positions", "CPU s")
    for row in rows:
        figures = (f"{row[key]:.3f}" for key in ("denoising", "next_token", "length_correlation"))
        millions = f"{int(str(row['positions'])) / 1e6:.2f}"
        table.add_row(str(row["arm"]), *figures, str(row["steps"]), millions, str(row["cpu_seconds"]))
    return table


def main() -> int:
    """Run the comparisons that are named and print them; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.recipe", description=__doc__)
    parser.add_argument("--compare", nargs="+", choices=[*COMPARISONS, "all"], required=True, metavar="NAME")
    parser.add_argument("--cpu-minutes", type=float, default=4.0, help="processor time of each arm")
    parser.add_argument("--work", type=Path, default=Path("runs/data"), help="packed data and tokenizer")
    parser.add_argument("--output", type=Path, default=Path("runs/recipe"), help="where the arms' states stand")
    parser.add_argument("--begin-from", type=Path, help="a checkpoint folder, instead of random weights")
    parser.add_argument("--holes", type=int, default=150)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--save", type=Path, nargs="?", const=Path(f"benchmarks/results/recipe-{date.today()}.json"))
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    results: list[dict[str, object]] = []
    for name in COMPARISONS if "all" in options.compare else options.compare:
        rows: list[dict[str, object]] = []
        seconds = options.cpu_minutes * 60
        for row in compare(
            name, options.work, options.output, seconds, options.holes, options.begin_from, options.seed
        ):
            rows.append(row)
            print(json.dumps(row), file=sys.stderr, flush=True)
        results += rows
        Console().print(_table(rows))
    if options.save:
        begun = str(options.begin_from.name) if options.begin_from else "random weights"
        report = {"machine": machine.describe(), "cpu_minutes": options.cpu_minutes, "begin_from": begun}
        options.save.write_text(json.dumps({**report, "holes": options.holes, "arms": results}, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
