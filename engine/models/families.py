"""Which family a checkpoint folder belongs to, by its `config.json`: who loads it. It reads JSON and no weights.

A masked-diffusion checkpoint either says so by its model type, or is an ordinary Qwen2 configuration whose tokenizer
has a mask token, which no causal checkpoint of that kind has.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from engine.api import CheckpointError
from engine.models.masked_names import special_ids

Family = Literal["diffusion_gemma", "masked", "causal"]


def family_of(folder: Path) -> Family:
    """Return the family of a checkpoint folder.

    Raises: CheckpointError when there is no such folder, no readable configuration, no weights, or no loader for it.
    """
    family = declared_family(folder)
    if not any(folder.glob("*.safetensors")):
        raise CheckpointError(f"{folder}: no weights there; they must be safetensors files")
    return family


def declared_family(folder: Path) -> Family:
    """Return the family that the configuration and the tokenizer's files tell; weights need not be there yet.

    Raises: CheckpointError as `family_of` does, and for a configuration that names code from elsewhere.
    """
    config = config_of(folder)
    if _names_code(config):
        raise CheckpointError(
            f"{folder}: its config.json names attention code of another place, which is never fetched or run; "
            "choose another checkpoint"
        )
    model_type, architectures = config.get("model_type"), config.get("architectures") or []
    family: Family
    if model_type == "diffusion_gemma":
        family = "diffusion_gemma"
    # Another architecture of that model type denoises block by block behind a causal reading.
    elif model_type == "Dream" and "DreamForCausalLM" not in architectures:
        family = "masked"
    elif model_type == "qwen2" and special_ids(folder, config).mask is not None:
        family = "masked"
    elif _is_causal(model_type):
        family = "causal"
    else:
        raise CheckpointError(
            f"{folder}: the model type is {model_type!r}, which cannot be run; choose a checkpoint of DiffusionGemma, "
            "Dream-Coder, DiffuCoder, DreamOn or Open-dCoder, or a causal language model"
        )
    return family


def config_of(folder: Path) -> dict[str, Any]:
    """Return the configuration of a checkpoint folder, as it stands in `config.json`. Raises: CheckpointError."""
    if not folder.is_dir():
        raise CheckpointError(f"{folder}: no such checkpoint folder")
    file = folder / "config.json"
    if not file.is_file():
        raise CheckpointError(f"{folder}: no config.json there, so it is not a checkpoint folder")
    try:
        config = json.loads(file.read_bytes())
    except (OSError, ValueError) as error:
        line = next(iter(str(error).splitlines()), type(error).__name__)
        raise CheckpointError(f"{file}: cannot be read as JSON ({line})") from error
    return config if isinstance(config, dict) else {}


def is_quantized(config: Mapping[str, Any]) -> bool:
    """Tell whether a configuration says that its weights are stored in few bits, in a layout of its makers."""
    return bool(config.get("quantization_config") or config.get("compression_config"))


def _is_causal(model_type: object) -> bool:
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

    return isinstance(model_type, str) and model_type in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES


def _names_code(value: object, key: str = "") -> bool:
    """Tell whether attention is to be computed by a repository's code, which transformers then fetches and runs."""
    if isinstance(value, dict):
        return any(_names_code(each, f"{key}.{name}") for name, each in value.items())
    return isinstance(value, str) and "/" in value and "attn_implementation" in key
