"""Which family a checkpoint folder belongs to, and one clear line about a folder that is none or is broken."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from engine import local
from engine.api import CheckpointError
from engine.loading import denoising
from engine.models import checkpoint
from engine.models.diffusion_gemma import DiffusionGemma
from engine.models.families import declared_family, family_of
from engine.models.masked import MaskedQwen2
from engine.models.tokenizer_files import tokenizer_of
from tests.engine.tiny_causal import save_tiny_causal
from tests.engine.tiny_masked import KINDS, Kind, save_masked


@pytest.mark.parametrize("kind", KINDS)
def test_masked_checkpoints_are_told_by_their_model_type_or_their_mask_token(tmp_path: Path, kind: Kind) -> None:
    folder = save_masked(tmp_path, kind)
    assert family_of(folder) == "masked"
    assert isinstance(checkpoint.load(folder), MaskedQwen2)


def test_a_qwen2_checkpoint_without_a_mask_token_is_causal(tmp_path: Path) -> None:
    folder = save_masked(tmp_path, "Open-dCoder")
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    tokenizer["added_tokens"] = [token for token in tokenizer["added_tokens"] if token["content"] != "<M>"]
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    (folder / "tokenizer_config.json").write_text('{"eos_token": "<|endoftext|>", "mask_token": null}')
    assert family_of(folder) == "causal"
    with pytest.raises(CheckpointError, match="no denoising passes"):
        checkpoint.load(folder)


@pytest.mark.parametrize("model_type", ["llama", "gemma4", "qwen3"])
def test_other_language_models_are_causal(tmp_path: Path, model_type: str) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": model_type}))
    (tmp_path / "model.safetensors").touch()
    assert family_of(tmp_path) == "causal"


def test_a_configuration_tells_the_family_before_weights_are_there(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "Dream"}')
    assert declared_family(tmp_path) == "masked"
    with pytest.raises(CheckpointError, match="no weights there"):
        family_of(tmp_path)


@pytest.mark.parametrize(
    ("config", "line"),
    [
        ({"model_type": ["llama"]}, "which cannot be run"),
        ({"model_type": "llama", "attn_implementation": "someone/kernel"}, "attention code of another place"),
        ({"model_type": "llama", "text_config": {"_attn_implementation": {"": "a/b:c"}}}, "is never fetched or run"),
    ],
)
def test_a_configuration_that_asks_for_what_is_not_done_is_refused(
    tmp_path: Path, config: dict[str, object], line: str
) -> None:
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(CheckpointError, match=line):
        declared_family(tmp_path)


def test_a_format_that_needs_another_library_is_one_line(tmp_path: Path) -> None:
    folder = save_tiny_causal(tmp_path, "qwen")
    config = json.loads((folder / "config.json").read_text())
    config["quantization_config"] = {"quant_method": "awq", "bits": 4, "group_size": 128}
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(CheckpointError, match=r"cannot be read .*; download it again or choose another one"):
        local.load(str(folder), device="cpu")


def test_a_diffusion_gemma_folder_is_one(tiny_checkpoint: Path) -> None:
    assert family_of(tiny_checkpoint) == "diffusion_gemma"
    adapter = checkpoint.load(tiny_checkpoint)
    assert isinstance(adapter, DiffusionGemma)
    assert adapter.scores_autoregressively
    assert adapter.snapshots_prefixes


def _without(name: str) -> Callable[[Path], object]:
    def change(folder: Path) -> None:
        weights = load_file(folder / "model.safetensors")
        del weights[name]
        save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})

    return change


def _misshapen(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    weights["model.norm.weight"] = torch.zeros(7)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


def _configured(**changes: object) -> Callable[[Path], object]:
    def change(folder: Path) -> None:
        config = json.loads((folder / "config.json").read_text()) | changes
        (folder / "config.json").write_text(json.dumps(config))

    return change


def _nameless(folder: Path) -> None:
    _configured(mask_token_id=None)(folder)
    for name in ("generation_config.json", "tokenizer_config.json", "added_tokens.json"):
        (folder / name).unlink()


@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        (
            _without("model.layers.1.self_attn.q_proj.bias"),
            r"1 weights are missing, among them model\.layers\.1\.self_",
        ),
        (_without("lm_head.weight"), r"1 weights are missing, among them lm_head\.weight"),
        (_misshapen, r"1 weights have the wrong shape, among them model\.norm\.weight with \(7,\) for \(32,\)"),
        (lambda folder: (folder / "model.safetensors").write_bytes(b"no weights"), "cannot be read"),
        (lambda folder: (folder / "model.safetensors").unlink(), "no weights there"),
        (lambda folder: (folder / "config.json").write_text("{"), "cannot be read as JSON"),
        (_configured(num_attention_heads="many"), "cannot be read"),
        (_configured(model_type="t5"), "the model type is 't5', which cannot be run"),
        (_configured(architectures=["DreamForCausalLM"]), "the model type is 'Dream', which cannot be run"),
        (_configured(mask_token_id=4000), "token 4000 is not among the 264"),
        (_nameless, "no mask token is named"),
        (_configured(infill={"hole_widths": [999]}), "hole widths do not fit"),
    ],
)
def test_a_broken_checkpoint_says_in_one_line_what_is_wrong(
    tmp_path: Path, break_it: Callable[[Path], object], message: str
) -> None:
    folder = save_masked(tmp_path, "Dream-Coder")
    break_it(folder)
    with pytest.raises(CheckpointError, match=message) as caught:
        denoising(folder, torch.device("cpu"))
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500


def test_a_precision_that_there_is_not_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no precision is called 'int3'; choose auto, bf16, int8, int4"):
        checkpoint.load(save_masked(tmp_path, "Dream-Coder"), precision="int3")


def test_bf16_is_what_it_says(tmp_path: Path) -> None:
    adapter = checkpoint.load(save_masked(tmp_path, "Dream-Coder"), dtype=torch.float32, precision="bf16")
    assert adapter.dtype == torch.bfloat16
    forward = adapter.forward_for(adapter.prefill([1, 2]))
    assert forward(torch.tensor([[3, 4]]), torch.tensor([[True, False]]), None).dtype == torch.float32


def test_a_vocabulary_whose_added_tokens_are_elsewhere_is_refused(tmp_path: Path) -> None:
    folder = save_masked(tmp_path, "Dream-Coder")
    (folder / "added_tokens.json").write_text('{"<|mask|>": 259}')
    (folder / "tokenizer_config.json").unlink()
    with pytest.raises(CheckpointError, match=r"the token <\|mask\|> is not 259 there"):
        tokenizer_of(folder)
