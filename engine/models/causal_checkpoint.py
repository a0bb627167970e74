"""Read the folder of a causal language model, or say in one line why it cannot be read.

It reads JSON and safetensors files of that one folder, nothing else: no remote code, no network, no pickles. Which
precision is best for a device is not its concern.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Collection
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, GenerationConfig

from engine.api import CheckpointError
from engine.models.causal_lm import CausalLM
from engine.models.checkpoint import check_precision, readable, stored
from engine.models.families import config_of, family_of, is_quantized

_log = logging.getLogger(__name__)


def load(
    folder: Path,
    *,
    device: torch.device | str = "cpu",
    dtype: torch.dtype | None = None,
    precision: str = "auto",
    offloaded_layers: Collection[int] = (),
) -> CausalLM:
    """Load the model of a checkpoint folder, in the type its weights are stored in unless told otherwise.

    `precision` is "auto" for the weights as they are, or the name of one to keep them in. The experts of
    `offloaded_layers` stay in the machine's memory.
    Raises: CheckpointError when there is no such folder, the weights are missing, broken or do not fit the
    configuration, or the architecture is another one.
    """
    if family_of(folder) != "causal":
        raise CheckpointError(f"{folder}: this is no causal language model; choose another checkpoint")
    if config_of(folder).get("is_encoder_decoder"):
        raise CheckpointError(f"{folder}: a model with an encoder of its own cannot be run; choose another checkpoint")
    check_precision(folder, precision)
    model, num_parameters = _loaded(folder, torch.device(device), dtype, precision, offloaded_layers)
    # Others would take no notice of the cache that they are given, and read each token as if it were the first.
    if (
        "past_key_values" not in inspect.signature(model.forward).parameters
        or not model._supports_default_dynamic_cache()
    ):
        raise CheckpointError(f"{folder}: models of type {model.config.model_type!r} cannot go on from what they read")
    return CausalLM(model, num_parameters=num_parameters)


def _loaded(
    folder: Path, device: torch.device, dtype: torch.dtype | None, precision: str, offloaded_layers: Collection[int]
) -> tuple[Any, int | None]:
    """Return the model and, where it stands for more weights than it holds, their number."""
    if precision not in ("auto", "bf16") or offloaded_layers:
        model = _built(folder, device, precision, offloaded_layers)
        return model, model.num_stood_for
    if precision == "bf16":
        dtype = torch.bfloat16
        if device.type != "cpu":  # It may be too large to be in memory twice.
            try:
                return _built(folder, device, precision, ()), None
            except CheckpointError as error:
                _log.info("read as a whole instead: %s", error)
    return stored(folder, AutoModelForCausalLM, dtype).eval().to(device), None


def _built(folder: Path, device: torch.device, precision: Any, offloaded_layers: Collection[int]) -> Any:
    from engine.models.quantize.build import load_quantized
    from engine.models.quantize.empty import NOT_BUILT
    from engine.models.quantize.weight import QuantWeight

    if is_quantized(config_of(folder)):
        raise CheckpointError(f"{folder}: its makers quantised it in a layout of their own; set precision to auto")
    try:
        model = load_quantized(folder, precision, device, offloaded_layers=offloaded_layers)
    except NOT_BUILT as error:
        line = next(iter(str(error).strip().splitlines()), "") or type(error).__name__
        raise CheckpointError(
            f"{folder}: this model cannot be read in pieces ({line}); set precision to bf16"
        ) from error
    if precision != "bf16" and not any(isinstance(module, QuantWeight) for module in model.modules()):
        raise CheckpointError(f"{folder}: nothing in a {model.config.model_type} model is quantised here; choose bf16")
    if (folder / "generation_config.json").is_file():  # It names the tokens that end a text.
        model.generation_config = readable(
            folder, lambda: GenerationConfig.from_pretrained(folder, local_files_only=True)
        )
    return model
