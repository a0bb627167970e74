"""The whole pipeline in a minute or two on one slow core: text, tokenizer, packing, training, export, a filled hole.

The text is Python's own standard library as it stands on this machine: nothing is fetched. What comes out is too small
to be of use; that it comes out says that every step works.
"""

from __future__ import annotations

import hashlib
import sysconfig
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from engine.api import FillRequest, finish
from engine.local import load
from engine.training import tokenizer, travel
from engine.training.data import pack
from engine.training.export import export
from engine.training.recipes import RECIPES, Recipe
from engine.training.train import Progress, Run

_CHARACTERS, _HELD_OUT_SHARE = 1_200_000, 0.1
_MIN_GAIN = 0.8  # nats a token that the held-out next-token loss must fall by
_REQUEST = FillRequest(
    "import os\n\n\ndef size_of(path):\n    if not os.path.exists(path):\n        return ", "\n    return 1\n"
)


@dataclass(frozen=True, slots=True)
class SmokeResult:
    """What a pass through the pipeline came to."""

    first: Progress  # after the first step
    last: Progress
    fill: str
    passes: int
    seconds: float


def smoke(work: Path, say: Callable[[str], None] = print, recipe: Recipe = RECIPES["smoke"]) -> SmokeResult:
    """Run every step below `work`, telling of each in a line.

    Raises: RuntimeError naming the step whose outcome is wrong.
    """
    begun = time.monotonic()
    texts = standard_library(_CHARACTERS)
    learnt = tokenizer.train(texts, recipe.shape.vocab_size)
    learnt.save(str(work / "tokenizer.json"))
    cut = int(len(texts) * _HELD_OUT_SHARE)
    pack.save(pack.pack_texts(texts[:cut], learnt), work / "held_out.npz")
    ids = pack.pack_texts(texts[cut:], learnt)
    size = travel.compress(ids, work / "train.xz")
    say(f"data: {len(texts)} files, {len(ids.ids):,} tokens, packed in {size / 1e6:.2f} MB")

    run = Run(recipe, work, work / "run")
    first = list(run.advance(steps=1))[-1]
    last = list(run.advance())[-1]
    say(
        f"training: {last.step} steps, {last.positions:,} positions; held-out loss of the next token "
        f"{first.held_out_causal_loss:.2f} -> {last.held_out_causal_loss:.2f}, "
        f"of the fill {first.held_out_denoising_loss:.2f} -> {last.held_out_denoising_loss:.2f} nats a token"
    )
    for what in ("held_out_causal_loss", "held_out_denoising_loss"):
        if not getattr(last, what) < getattr(first, what) - _MIN_GAIN:
            raise RuntimeError(f"{what} did not fall by {_MIN_GAIN} nats a token; the training does not learn")

    export(work / "run" / "state.pt", work / "tokenizer.json", work / "checkpoint", recipe.sizes)
    filler = load(str(work / "checkpoint"), device="cpu")
    result = finish(filler.fill(_REQUEST))
    if not result.passes:
        raise RuntimeError("the exported checkpoint ran no pass; the engine cannot use it")
    fill = result.candidates[0].text if result.candidates else ""
    say(f"engine: the exported checkpoint filled a hole with {fill!r} in {result.passes} passes")
    return SmokeResult(first, last, fill, result.passes, time.monotonic() - begun)


def standard_library(characters: int) -> list[str]:
    """Return about so many characters of the top-level modules of Python's standard library, in a mixed order."""
    root = Path(sysconfig.get_path("stdlib"))
    paths = sorted(root.glob("*.py"), key=lambda path: hashlib.sha256(path.name.encode()).digest())
    texts: list[str] = []
    for path in paths:
        texts.append(path.read_text(encoding="utf-8", errors="replace"))
        characters -= len(texts[-1])
        if characters <= 0:
            break
    return texts
