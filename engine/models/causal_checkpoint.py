"""Read the folder of a causal language model, or say in one line why it cannot be read.

It reads `config.json` and safetensors files of that one folder, nothing else: no remote code, no network, no pickles.
"""

from __future__ import annotations

import inspect
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM

from engine.api import CheckpointError
from engine.models.causal_lm import CausalLM
from engine.models.checkpoint import stored
from engine.models.families import config_of, family_of


def load(folder: Path, *, device: torch.device | str = "cpu", dtype: torch.dtype | None = None) -> CausalLM:
    """Load the model of a checkpoint folder, in the type its weights are stored in unless told otherwise.

    Raises: CheckpointError when there is no such folder, the weights are missing, broken or do not fit the
    configuration, or the architecture is another one.
    """
    if family_of(folder) != "causal":
        raise CheckpointError(f"{folder}: this is no causal language model; choose another checkpoint")
    if config_of(folder).get("is_encoder_decoder"):
        raise CheckpointError(f"{folder}: a model with an encoder of its own cannot be run; choose another checkpoint")
    model = stored(folder, AutoModelForCausalLM, dtype).eval().to(device)
    # Others would take no notice of the cache that they are given, and read each token as if it were the first.
    if (
        "past_key_values" not in inspect.signature(model.forward).parameters
        or not model._supports_default_dynamic_cache()
    ):
        raise CheckpointError(f"{folder}: models of type {model.config.model_type!r} cannot go on from what they read")
    return CausalLM(model)
