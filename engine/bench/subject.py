"""The checkpoint that is measured, loaded as the host loads it, and the rivals that run on the same weights.

Weights that need a plan for the device's memory, or that are quantised, are there once, and every way of filling uses
them. A small checkpoint as it is stored is loaded once more in the published classes, since the engine runs it on
classes of its own. It measures nothing.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from engine import loading
from engine.api import CheckpointError, Critic, Filler
from engine.bench.generate import Generate, published
from engine.bench.timing import Rivals
from engine.fitted import SMALL_BYTES, FittedLoader
from engine.loading import device_of, folder_of
from engine.local import LocalFiller
from engine.models.diffusion_gemma import DiffusionGemma
from engine.models.families import family_of
from engine.models.quantize.precision import PrecisionChoice
from engine.profile import Profile
from engine.seam import Seamstress


@dataclass(frozen=True, slots=True)
class Subject:
    """A loaded checkpoint, and what its fills are compared with. `plan` is empty where there was nothing to choose."""

    filler: LocalFiller
    profile: Profile
    rivals: Rivals
    plan: str


def load_subject(
    model: str, precision: PrecisionChoice, critic: Critic | None, *, small_bytes: int = SMALL_BYTES
) -> Subject:
    """Load a checkpoint and its rivals. Raises: CheckpointError, for one that does not denoise, too."""
    folder = folder_of(model)
    if family_of(folder) != "diffusion_gemma":
        raise CheckpointError(f"{model}: only a DiffusionGemma checkpoint can be measured here; choose another one")
    held: list[loading.Loaded] = []

    def load(
        model: str,
        *,
        device: str | None,
        critic: Critic | None,
        precision: str,
        offloaded_layers: Collection[int],
        max_prefix_tokens: int | None,
    ) -> Filler:
        made = loading.denoising(folder, device_of(device), precision, offloaded_layers, max_prefix_tokens)
        held.append(made)
        return LocalFiller(model, made.adapter, made.tokenizer, made.profile, critic)

    fitted = FittedLoader(model, critic=critic, precision=precision, load=load, small_bytes=small_bytes)
    filler, parts = fitted(), held[0]
    adapter, tokenizer, profile = parts.adapter, parts.tokenizer, parts.profile
    assert isinstance(filler, LocalFiller)
    assert isinstance(adapter, DiffusionGemma)
    is_shared = bool(fitted.why) or precision in ("int8", "int4")
    stock = adapter.published if is_shared else published(folder, filler.info)
    seamstress = Seamstress(tokenizer, adapter.vocab_size, adapter.edge_tokens)
    rivals = Rivals(Generate(stock, tokenizer, profile), adapter, seamstress, profile.max_prefix_tokens)
    return Subject(filler, profile, rivals, fitted.why)
