"""Read a checkpoint folder of a denoising family, or say in one line why it cannot be read.

It reads `config.json`, the tokenizer's JSON files and safetensors files of that one folder, nothing else: no remote
code, no network, no pickles. Which precision is best for a device is not its concern.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, TypeVar

import torch
from huggingface_hub.errors import StrictDataclassError
from safetensors import SafetensorError
from transformers import Qwen2Config, Qwen2ForCausalLM
from transformers.models.diffusion_gemma import DiffusionGemmaForBlockDiffusion
from transformers.utils.logging import disable_progress_bar, set_verbosity_error

from engine import faults, memory
from engine.api import CheckpointError
from engine.models import dense
from engine.models.adapter import Adapter
from engine.models.dense_adapter import DenseDiffusionGemma
from engine.models.diffusion_gemma import DiffusionGemma
from engine.models.families import config_of, family_of
from engine.models.idle_experts import leave_out_idle_experts
from engine.models.masked import MaskedQwen2
from engine.models.masked_names import WEIGHT_NAMES, qwen2_config, special_ids
from engine.models.quantize.precision import PRECISIONS

T = TypeVar("T")

# What transformers raises for a folder that it cannot load; a format that needs another library is an ImportError.
_UNREADABLE = (
    *(OSError, ValueError, TypeError, KeyError, ArithmeticError, RuntimeError, ImportError),
    *(SafetensorError, StrictDataclassError),
)


def load(
    folder: Path,
    *,
    device: torch.device | str = "cpu",
    dtype: torch.dtype | None = None,
    precision: str = "auto",
    offloaded_layers: Collection[int] = (),
) -> Adapter[Any]:
    """Load the model of a checkpoint folder, in the type its weights are stored in unless told otherwise.

    `precision` is "auto" for the weights as they are, or the name of one to quantise to. The experts of
    `offloaded_layers` stay in the machine's memory.
    Raises: CheckpointError when there is no such folder, the weights are missing, broken or do not fit the
    configuration, or the architecture is another one.
    """
    family = family_of(folder)
    dtype = torch.bfloat16 if precision == "bf16" else dtype
    if family == "masked":
        return _masked(folder, device, dtype, precision)
    if family == "causal":
        raise CheckpointError(f"{folder}: a causal language model has no denoising passes; choose another checkpoint")
    return diffusion_gemma(folder, device=device, dtype=dtype, precision=precision, offloaded_layers=offloaded_layers)


def diffusion_gemma(
    folder: Path,
    *,
    device: torch.device | str = "cpu",
    dtype: torch.dtype | None = None,
    precision: str = "auto",
    offloaded_layers: Collection[int] = (),
) -> DiffusionGemma:
    """Load a DiffusionGemma folder. Raises: CheckpointError, for another family too."""
    if family_of(folder) != "diffusion_gemma":
        raise CheckpointError(f"{folder}: this is no DiffusionGemma checkpoint; choose another one")
    if _is_built(folder, precision, device, offloaded_layers):
        model = _built(folder, precision, device, offloaded_layers)
        return DiffusionGemma(model, num_parameters=model.num_stood_for)
    model = stored(folder, DiffusionGemmaForBlockDiffusion, dtype)
    num_parameters = sum(parameter.numel() for parameter in model.parameters())
    leave_out_idle_experts(model)
    model = model.eval().to(device)
    declared = getattr(model.config, "infill", None) or {}
    max_positions = int(declared.get("max_prefix_tokens", 1 << 30)) + model.config.canvas_length
    if model.device.type == "cpu" and not declared.get("self_conditioning", True) and dense.fits(model, max_positions):
        memory.keep_freed()
        return DenseDiffusionGemma(model, dense.Dense(model), num_parameters=num_parameters)
    return DiffusionGemma(model, num_parameters=num_parameters)


def _masked(folder: Path, device: torch.device | str, dtype: torch.dtype | None, precision: str) -> MaskedQwen2:
    published = config_of(folder)
    special = special_ids(folder, published)
    if special.mask is None:
        raise CheckpointError(f"{folder}: no mask token is named there; download the checkpoint again")
    config = readable(folder, lambda: Qwen2Config(**qwen2_config(published)))
    beyond = [token_id for token_id in (special.mask, special.expand) if token_id and token_id >= config.vocab_size]
    if beyond:
        raise CheckpointError(f"{folder}: token {beyond[0]} is not among the {config.vocab_size} that the model knows")
    if _is_built(folder, precision, device):
        model = _built(folder, precision, device)
        num_parameters = model.num_stood_for
    else:
        options = {"config": config, "key_mapping": WEIGHT_NAMES, "attn_implementation": "sdpa"}
        model = stored(folder, Qwen2ForCausalLM, dtype, **options).eval().to(device)
        num_parameters = sum(parameter.numel() for parameter in model.parameters())
    declared = published.get("infill")
    return MaskedQwen2(model, special, declared if isinstance(declared, dict) else None, num_parameters)


def _is_built(folder: Path, precision: str, device: torch.device | str, offloaded_layers: Collection[int] = ()) -> bool:
    """Tell whether the model is filled piece by piece: when it is quantised, or too large to be in memory twice.

    Raises: CheckpointError for a precision that there is not.
    """
    check_precision(folder, precision)
    is_on_card = torch.device(device).type != "cpu"
    return precision not in ("auto", "bf16") or (precision == "bf16" and (is_on_card or bool(offloaded_layers)))


def check_precision(folder: Path, precision: str) -> None:
    """Raise CheckpointError for a precision that there is not."""
    if precision not in ("auto", *PRECISIONS):
        raise CheckpointError(f"{folder}: no precision is called {precision!r}; choose auto, {', '.join(PRECISIONS)}")


def _built(folder: Path, precision: Any, device: torch.device | str, offloaded_layers: Collection[int] = ()) -> Any:
    from engine.models.quantize.build import load_quantized

    return load_quantized(folder, precision, device, offloaded_layers=offloaded_layers)


def stored(folder: Path, cls: Any, dtype: torch.dtype | None, **options: Any) -> Any:
    """Load a model with the weights as they are stored. Raises: CheckpointError."""
    # What the report would print is checked below and said in one line.
    disable_progress_bar()
    set_verbosity_error()
    model, report = readable(
        folder,
        lambda: cls.from_pretrained(
            folder,
            local_files_only=True,
            use_safetensors=True,
            trust_remote_code=False,
            dtype="auto" if dtype is None else dtype,
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # they are an error below
            **options,
        ),
    )
    _check_report(folder, report)
    return model


def readable(folder: Path, read: Callable[[], T]) -> T:
    """Return what transformers reads from a folder. Raises: CheckpointError where it cannot."""
    try:
        return read()
    except _UNREADABLE as error:
        if faults.is_out_of_memory(error):
            raise  # The folder is not to blame, and less memory may do.
        line = next(iter(str(error).strip().splitlines()), "") or type(error).__name__
        raise CheckpointError(
            f"{folder}: the checkpoint cannot be read ({line}); download it again or choose another one"
        ) from error


def _check_report(folder: Path, report: dict[str, Any]) -> None:
    if missing := sorted(report["missing_keys"]):
        raise CheckpointError(f"{folder}: {len(missing)} weights are missing, among them {missing[0]}")
    if misshapen := sorted((str(name), *map(tuple, shapes)) for name, *shapes in report["mismatched_keys"]):
        name, found, wanted = misshapen[0]
        raise CheckpointError(
            f"{folder}: {len(misshapen)} weights have the wrong shape, among them {name} with {found} for {wanted}"
        )
