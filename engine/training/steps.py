"""What each step of `python -m engine.training` does with its options; `__main__` says what they are."""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table
from tokenizers import Tokenizer

from engine.training import train as training
from engine.training.recipes import RECIPES, Recipe

# Useful operations a second of one thread of a server processor with AVX-512 in bfloat16, as measured.
_CPU_RATE = 0.076e12


def data(options: argparse.Namespace) -> int:
    """Fetch, clean, learn the tokenizer, pack."""
    from engine.training import tokenizer
    from engine.training.data import pack
    from engine.training.data.collect import collect
    from engine.training.data.source import HELD_OUT_FILE, write_manifest, write_sources

    sources, records = collect(options.work, options.languages)
    write_manifest(records, options.work / "manifest.json")
    learnt = [file for file in sources if not file.held_out]
    write_sources((file for file in sources if file.held_out), options.work / HELD_OUT_FILE)
    if options.tokenizer:
        trained = Tokenizer.from_file(str(options.tokenizer))
    else:
        trained = tokenizer.train((pack.condense(file) for file in learnt), options.vocab_size)
    trained.save(str(options.work / "tokenizer.json"))
    for name, files in (("train", learnt), ("held_out", [file for file in sources if file.held_out])):
        packed = pack.pack(files, trained)
        pack.save(packed, options.work / f"{name}.npz")
        print(f"{name}: {len(files):,} files, {len(packed.ids):,} tokens", flush=True)
    return 0


def pack(options: argparse.Namespace) -> int:
    """Write `train.xz` and `held_out.xz` beside the plain files."""
    from engine.training import travel

    for name in ("train", "held_out"):
        packed = travel.load(options.work, name)
        size = travel.compress(packed, options.work / f"{name}.xz")
        print(f"{name}.xz: {len(packed.ids):,} tokens, {size / 1e6:.1f} MB, {size / len(packed.ids):.3f} byte a token")
    return 0


def run(options: argparse.Namespace) -> int:
    """Train to the end of the time or of the steps."""
    recipe = replace(_recipe(options), seconds=options.minutes * 60, max_steps=options.steps)
    _show(training.train(recipe, options.work, options.output, options.workers or 0))
    return 0


def chunk(options: argparse.Namespace) -> int:
    """Train one part of a run; print its report."""
    from engine.training import state
    from engine.training.chunk import train_chunk

    if options.join:
        state.join(options.join)
        options.output.mkdir(parents=True, exist_ok=True)
        options.join.replace(options.output / "state.pt")
    lines = train_chunk(
        _recipe(options),
        options.work,
        options.output,
        minutes=options.minutes,
        chunks=options.chunks,
        travel=options.travel,
        workers=options.workers,
    )
    _show(lines)
    print((options.output / "report.json").read_text(), end="")
    return 0


def plan(options: argparse.Namespace) -> int:
    """Print the recipes' costs as a table."""
    from engine.training.plan import plan as planned

    table = Table("recipe", *("cpu", "accelerator"))
    rows: dict[str, list[str]] = {}
    for name, rate in (("cpu", _CPU_RATE), ("accelerator", options.teraflops * 1e12)):
        recipe = RECIPES[name]
        costs = planned(recipe, rate)
        for label, text in (
            ("useful operations a second", f"{rate:.2g}"),
            ("parameters", f"{costs.parameters / 1e6:.1f} M"),
            ("positions a step", f"{costs.causal_positions:,} / {costs.joint_positions:,}"),
            ("operations a position", f"{costs.flops_per_position / 1e6:.0f} M"),
            ("time", f"{recipe.seconds / 60:.0f} min"),
            ("positions", f"{costs.positions / 1e6:,.0f} M"),
            ("steps, next token / joint", f"{costs.causal_steps:,} / {costs.joint_steps:,}"),
            ("weights and gradients", f"{costs.weight_bytes / 1e6:,.0f} MB"),
            ("masters and optimizer", f"{costs.optimizer_bytes / 1e6:,.0f} MB"),
            ("activations, at most", f"{costs.activation_bytes / 1e9:,.1f} GB"),
            ("light state", f"{costs.light_state_bytes / 1e6:,.0f} MB"),
        ):
            rows.setdefault(label, []).append(text)
    for label, cells in rows.items():
        table.add_row(label, *cells)
    Console().print(table)
    return 0


def plot(options: argparse.Namespace) -> int:
    """Draw `log.jsonl` as `loss.svg`."""
    from engine.training.plot import plot as draw

    draw(options.output / "log.jsonl", options.output / "loss.svg")
    print(f"wrote {options.output / 'loss.svg'}")
    return 0


def export(options: argparse.Namespace) -> int:
    """Write the checkpoint folder, unless asked to compare first and the one that is there is better."""
    from engine.training import better, state
    from engine.training.export import export as write

    saved = options.output / "state.pt"
    if not saved.exists():
        raise FileNotFoundError(f"{saved} is not there; train first with the step `run`")
    sizes = state.sizes_of(saved)
    if options.if_better:
        new, old = better.compare(saved, options.work, options.folder, sizes)
        if old and new.denoising >= old.denoising:
            print(
                f"{options.folder} stays: its held-out denoising loss is {old.denoising:.4f} nats a character, "
                f"the new one's {new.denoising:.4f}"
            )
            return 1
        before = f" (before: {old.denoising:.4f})" if old else ""
        print(f"held-out denoising loss {new.denoising:.4f} nats a character{before}")
    write(saved, options.work / "tokenizer.json", options.folder, sizes)
    print(f"wrote {options.folder}")
    return 0


def evaluate(options: argparse.Namespace) -> int:
    """Fill held-out holes and print the scores as JSON."""
    from engine.training.evaluate import evaluate as score
    from engine.training.held_out import held_out_files

    held_out = held_out_files(options.work, ["python"])  # The holes are drawn with Python's own parser.
    print(json.dumps(score(options.model, held_out, options.holes, options.show), indent=2))
    return 0


def smoke() -> int:
    """Run the whole pipeline, very small, in a folder that is thrown away."""
    from engine.training.smoke import smoke as run_all

    with tempfile.TemporaryDirectory() as folder:
        result = run_all(Path(folder), lambda line: print(line, flush=True))
    print(f"everything works; {result.seconds:.0f} s")
    return 0


def _recipe(options: argparse.Namespace) -> Recipe:
    import torch

    if options.recipe not in RECIPES:
        raise ValueError(f"there is no recipe {options.recipe!r}; choose one of {', '.join(RECIPES)}")
    if options.threads:
        torch.set_num_threads(options.threads)
    recipe = RECIPES[options.recipe]
    device = options.device or recipe.device
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise ValueError("torch sees no CUDA device here; give --device cpu to rehearse")
    compiled = recipe.compiled if options.compile is None else options.compile
    return replace(recipe, seed=options.seed, device=device, compiled=compiled, begin_from=options.begin_from)


def _show(lines: Iterator[training.Progress]) -> None:
    """Show a bar where there is a terminal, and a line for each report where there is none."""
    console = Console()
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("training", total=1.0)
        for line in lines:
            losses = f"next token {line.causal_loss:.3f}, denoising {line.denoising_loss:.3f} nats"
            held_out = line.held_out_causal_loss
            judged = "" if held_out is None else f", held out {held_out:.3f} / {line.held_out_denoising_loss:.3f}"
            text = f"step {line.step}, {line.positions:,} positions: {losses}{judged}"
            bar.update(task, completed=line.progress, description=text)
            if not console.is_terminal:
                print(f"{line.seconds:6.0f} s, {line.progress:4.0%}, {text}", flush=True)
