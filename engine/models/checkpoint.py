"""Read a DiffusionGemma checkpoint folder, or say in one line why it cannot be read.

It reads `config.json` and safetensors files of that one folder, nothing else: no remote code, no network, no pickles.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from huggingface_hub.errors import StrictDataclassError
from safetensors import SafetensorError
from transformers.models.diffusion_gemma import DiffusionGemmaForBlockDiffusion
from transformers.utils.logging import disable_progress_bar, set_verbosity_error

from engine.api import CheckpointError
from engine.models import dense
from engine.models.dense_adapter import DenseDiffusionGemma
from engine.models.diffusion_gemma import DiffusionGemma
from engine.models.idle_experts import leave_out_idle_experts

_MODEL_TYPE = "diffusion_gemma"


def load(folder: Path, *, device: torch.device | str = "cpu", dtype: torch.dtype | None = None) -> DiffusionGemma:
    """Load the model of a checkpoint folder, in the type its weights are stored in unless told otherwise.

    Raises: CheckpointError when there is no such folder, the weights are missing, broken or do not fit the
    configuration, or the architecture is another one.
    """
    _check_folder(folder)
    # What the report would print is checked below and said in one line.
    disable_progress_bar()
    set_verbosity_error()
    try:
        model, report = DiffusionGemmaForBlockDiffusion.from_pretrained(
            folder,
            local_files_only=True,
            use_safetensors=True,
            trust_remote_code=False,
            dtype="auto" if dtype is None else dtype,
            output_loading_info=True,
        )
    except (OSError, ValueError, TypeError, KeyError, RuntimeError, SafetensorError, StrictDataclassError) as error:
        raise CheckpointError(
            f"{folder}: the checkpoint cannot be read ({_first_line(error)}); download it again or choose another one"
        ) from error
    _check_report(folder, report)
    num_parameters = sum(parameter.numel() for parameter in model.parameters())
    leave_out_idle_experts(model)
    model = model.eval().to(device)
    declared = getattr(model.config, "infill", None) or {}
    max_positions = int(declared.get("max_prefix_tokens", 1 << 30)) + model.config.canvas_length
    if model.device.type == "cpu" and not declared.get("self_conditioning", True) and dense.fits(model, max_positions):
        return DenseDiffusionGemma(model, dense.Dense(model), num_parameters=num_parameters)
    return DiffusionGemma(model, num_parameters=num_parameters)


def _check_folder(folder: Path) -> None:
    if not folder.is_dir():
        raise CheckpointError(f"{folder}: no such checkpoint folder")
    config_file = folder / "config.json"
    if not config_file.is_file():
        raise CheckpointError(f"{folder}: no config.json there, so it is not a checkpoint folder")
    try:
        config = json.loads(config_file.read_bytes())
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{config_file}: cannot be read as JSON ({_first_line(error)})") from error
    model_type = config.get("model_type") if isinstance(config, dict) else None
    if model_type != _MODEL_TYPE:
        raise CheckpointError(f"{folder}: the model type is {model_type!r}; only {_MODEL_TYPE!r} can be run")
    if not any(folder.glob("*.safetensors")):
        raise CheckpointError(f"{folder}: no weights there; they must be safetensors files")


def _check_report(folder: Path, report: dict[str, Any]) -> None:
    if missing := sorted(report["missing_keys"]):
        raise CheckpointError(f"{folder}: {len(missing)} weights are missing, among them {missing[0]}")
    if misshapen := sorted(str(key) for key in report["mismatched_keys"]):
        raise CheckpointError(f"{folder}: {len(misshapen)} weights have the wrong shape, among them {misshapen[0]}")


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), "") or type(error).__name__
