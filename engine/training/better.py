"""Whether a trained state is better than the checkpoint that stands in its place, on the same held-out holes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tokenizers import Tokenizer

from engine.training import judge, travel, weights
from engine.training.data import pack
from engine.training.export import trained
from engine.training.holes import Sizes
from engine.training.judge import Judgement
from engine.training.network import Network

_HOLES = 200


def compare(
    state: Path, work: Path, folder: Path, sizes: Sizes, num_holes: int = _HOLES
) -> tuple[Judgement, Judgement | None]:
    """Judge the state, and the checkpoint folder where there is one, each with its own tokenizer.

    The score is the denoising loss in nats a character of the fill, so that vocabularies compare; each network reads
    as much of the prefix as it can, up to `sizes.prefix_length`.
    """
    tokenizer = Tokenizer.from_file(str(work / "tokenizer.json"))
    holes = judge.draw(pack.texts_of(travel.load(work, "held_out"), tokenizer), num_holes)
    new = _judge(trained(state), tokenizer, holes, sizes)
    if not (folder / "model.safetensors").exists():
        return new, None
    old = _judge(weights.read(folder), Tokenizer.from_file(str(folder / "tokenizer.json")), holes, sizes)
    return new, old


def _judge(network: Network, tokenizer: Tokenizer, holes: list[judge.Hole], sizes: Sizes) -> Judgement:
    longest = min(sizes.prefix_length, network.shape.sliding_window)
    return judge.judge(network, tokenizer, holes, replace(sizes, prefix_length=longest))
