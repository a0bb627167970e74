"""A model of a checkpoint's configuration with no weights in it: its parameters are on the meta device.

Buffers that no checkpoint holds, such as rotation frequencies, are computed here. It knows the model classes and reads
`config.json` alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from huggingface_hub.errors import StrictDataclassError
from torch import nn
from transformers import AutoConfig, AutoModelForCausalLM, Qwen2Config, Qwen2ForCausalLM
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING
from transformers.models.diffusion_gemma import DiffusionGemmaConfig, DiffusionGemmaForBlockDiffusion

from engine.api import CheckpointError
from engine.models.families import config_of, declared_family
from engine.models.masked_names import qwen2_config

NOT_BUILT = (AssertionError, AttributeError, LookupError, NotImplementedError)
"""What else comes of building a model empty: of the many architectures there are, some cannot be."""


def empty_model(folder: Path, dtype: torch.dtype) -> Any:
    """Return the model of a folder's configuration, in evaluation mode, without the parts that read images.

    Raises: CheckpointError when there is no usable configuration.
    """
    config = config_in(folder)
    with _named_errors(folder):
        if (family := declared_family(folder)) == "diffusion_gemma":
            model = _on_meta(DiffusionGemmaForBlockDiffusion, config, dtype)
            # The engine shows a model no images.
            del model.model.encoder.vision_tower, model.model.encoder.embed_vision
        elif family == "masked":
            model = _on_meta(Qwen2ForCausalLM, config, dtype, attn_implementation="sdpa")
        else:
            model = _on_meta(AutoModelForCausalLM, _of_text(config), dtype)
    _compute_buffers(model)
    return model.eval()


def config_in(folder: Path) -> Any:
    """Return a folder's configuration as the class that it belongs to. Raises: CheckpointError."""
    published = config_of(folder)
    with _named_errors(folder):
        if published.get("model_type") == "diffusion_gemma":
            return DiffusionGemmaConfig.from_pretrained(folder, local_files_only=True)
        if declared_family(folder) == "masked":
            return Qwen2Config(**qwen2_config(published))
        return AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)


def _of_text(config: Any) -> Any:
    """Return what a causal model's part for text is made by, where that is a model of its own."""
    text = config.get_text_config()
    if text is config or type(text) not in MODEL_FOR_CAUSAL_LM_MAPPING:
        return config
    for name in ("infill", "eos_token_id"):
        if getattr(text, name, None) is None and getattr(config, name, None) is not None:
            setattr(text, name, getattr(config, name))
    return text


@contextmanager
def _named_errors(folder: Path) -> Iterator[None]:
    try:
        yield
    except (
        *(OSError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RuntimeError),
        StrictDataclassError,
    ) as error:
        line = next(iter(str(error).strip().splitlines()), "") or type(error).__name__
        raise CheckpointError(f"{folder}: the configuration is not usable ({line}); choose another one") from error


def _on_meta(cls: Any, config: Any, dtype: torch.dtype, **options: Any) -> Any:
    make = getattr(cls, "_from_config", None) or cls.from_config
    with torch.device("meta"):
        model = make(config, dtype=dtype, **options)
    model.requires_grad_(False)
    model.tie_weights()
    return model


def _compute_buffers(model: nn.Module) -> None:
    """Give buffers that are in no file their memory and their values. Parameters stay without."""
    for module in model.modules():
        missing = [name for name in module._non_persistent_buffers_set if _is_meta(module, name)]
        for name in missing:
            buffer = module._buffers[name]
            assert buffer is not None
            module._buffers[name] = torch.empty_like(buffer, device="cpu")
        if missing:
            # What it draws for parameters goes nowhere, since these have no memory.
            model._init_weights(module)  # type: ignore[operator]


def _is_meta(module: nn.Module, name: str) -> bool:
    buffer = module._buffers.get(name)
    return buffer is not None and buffer.is_meta
