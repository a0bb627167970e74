"""What weights are multiplied with: the same whether a model is in memory or read module by module, and of use."""

from __future__ import annotations

import logging
from collections.abc import Collection
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from transformers import DiffusionGemmaForBlockDiffusion

from engine.loading import folder_of
from engine.models import checkpoint
from engine.models.diffusion_gemma import DiffusionGemma
from engine.models.quantize import store
from engine.models.quantize.build import ensure_stored
from engine.models.quantize.calibration import calibrated, noised, text_of
from engine.models.quantize.empty import empty_model
from engine.models.quantize.layout import ConvertedSource
from engine.models.quantize.lent import lent
from engine.models.quantize.modules import names_in, prepare_modules, quantize_modules
from engine.models.quantize.parts import parts_of
from engine.models.quantize.seen import Seen, watched
from engine.models.quantize.stream import Source
from tests.engine.sharded import save_sharded_checkpoint
from tests.engine.tiny import MASK, VOCAB_SIZE, save_tiny_checkpoint
from tests.engine.tiny_causal import save_tiny_causal
from tests.engine.tiny_masked import save_masked


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def sharded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_sharded_checkpoint(tmp_path_factory.mktemp("sharded"), hidden=64, experts=4, shard="100KB")


def _loaded(folder: Path) -> Any:
    return DiffusionGemmaForBlockDiffusion.from_pretrained(folder, dtype=torch.float32).eval()


def _factors(seen: Seen, names: Collection[str]) -> dict[str, torch.Tensor]:
    found = {name: seen.factor((name,), 0, 4, "cpu") for name in sorted(names)}
    return {name: each for name, each in found.items() if each is not None}


def test_a_model_read_module_by_module_sees_the_same(sharded: Path) -> None:
    whole = _loaded(sharded)
    names = names_in(whole, "int4")
    assert any("experts.down_proj" in name for name in names)
    expected = _factors(calibrated(whole, sharded, names), names)
    source, model = Source(sharded), empty_model(sharded, torch.float32)
    parts = parts_of(empty := empty_model(sharded, torch.float32), prepare_modules(empty, "int4"))
    with lent(model, source, parts, torch.device("cpu"), torch.float32):
        found = _factors(calibrated(model, sharded, names), names)
    assert {name for name in names if name not in found} == {name for name in names if "embed_tokens" in name}
    assert all(torch.equal(found[name], expected[name]) for name in found)
    assert all(parameter.is_meta for parameter in model.parameters())


def test_what_is_seen_is_what_goes_in() -> None:
    layer, inputs = nn.Sequential(nn.Linear(6, 4, bias=False)), torch.randn(3, 5, 6)
    seen = Seen()
    with watched(layer, {"0.weight"}, seen):
        layer(inputs)
        layer(2 * inputs)
    layer(100 * inputs)  # It is watched no longer.
    rows = inputs.reshape(-1, 6)
    expected = Seen()
    expected.add("a", torch.cat([rows, 2 * rows]))
    torch.testing.assert_close(seen.factor(("0.weight",), 0, 4, "cpu"), expected.factor(("a",), 0, 4, "cpu"))
    assert seen.factor(("1.weight",), 0, 4, "cpu") is None


def test_experts_see_the_tokens_that_go_to_them(sharded: Path) -> None:
    model = _loaded(sharded)
    layer, path = model.model.decoder.layers[0], "model.decoder.layers.0.experts"
    generator = torch.Generator().manual_seed(0)
    hidden = torch.randn(9, 64, generator=generator)
    index = torch.stack([torch.randperm(3, generator=generator)[:2] for _ in range(9)])  # Nobody goes to the fourth.
    shares = torch.rand(9, 2, generator=generator)
    plain = layer.experts(hidden, index, shares)
    seen = Seen()
    with watched(model, {f"{path}.gate_up_proj", f"{path}.down_proj"}, seen):
        torch.testing.assert_close(layer.experts(hidden, index, shares), plain, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(layer.experts(hidden, index, shares), plain)
    factors = seen.factor((f"{path}.down_proj",), 0, 4, "cpu")
    assert factors is not None
    assert factors.shape == (4, 64, 64)
    assert torch.equal(factors[3], torch.eye(64))
    assert not torch.equal(factors[0], factors[1])
    assert torch.equal(seen.factor((f"{path}.down_proj",), 1, 2, "cpu"), factors[1:3])  # type: ignore[arg-type]


def test_the_bundled_checkpoints_predictions_move_less() -> None:
    folder = folder_of("bundled")

    def logits(precision: Any, *, reads: bool) -> torch.Tensor:
        model = checkpoint.stored(folder, DiffusionGemmaForBlockDiffusion, torch.float32).eval()
        names = names_in(model, precision) if reads else ()
        quantize_modules(model, precision, calibrated(model, folder, names))
        adapter = DiffusionGemma(model)
        prefix = adapter.prefill([2, *range(300, 400)])
        canvas = torch.tensor([[*range(500, 532), *[3] * 32]])
        return adapter.forward_for(prefix)(canvas, canvas == 3, None)

    exact, plain, fed = logits("bf16", reads=False), logits("int4", reads=False), logits("int4", reads=True)
    errors = [float((exact - found).square().mean()) for found in (plain, fed)]
    assert errors[1] < 0.8 * errors[0], errors


@pytest.mark.parametrize("family", ["masked", "causal"])
def test_other_families_read_too(family: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = save_masked(tmp_path, "Dream-Coder") if family == "masked" else save_tiny_causal(tmp_path, "qwen")
    model = empty_model(folder, torch.float32)
    names = names_in(model, "int4")
    source = Source(folder) if family == "masked" else ConvertedSource(folder, model)
    parts = parts_of(empty := empty_model(folder, torch.float32), prepare_modules(empty, "int4"))
    with caplog.at_level(logging.WARNING), lent(model, source, parts, torch.device("cpu"), torch.float32):
        found = _factors(calibrated(model, folder, names), names)
    assert caplog.messages == []
    assert {"lm_head.weight", "model.layers.0.mlp.down_proj.weight"} <= set(found)
    assert all(not torch.equal(each, torch.eye(len(each))) for each in found.values())


def test_the_same_checkpoint_is_quantised_to_the_same_bytes(sharded: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        made = ensure_stored(sharded, "int4")
        first = (made / "weights.safetensors").read_bytes()
        store.drop_stale(sharded, "int4", keep="")
        assert (ensure_stored(sharded, "int4") / "weights.safetensors").read_bytes() == first
    assert caplog.messages == []


def test_without_a_tokenizer_weights_are_quantised_all_the_same(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = save_tiny_checkpoint(tmp_path / "one")
    (folder / "tokenizer.json").unlink()
    model = _loaded(folder)
    seen = calibrated(model, folder, names_in(model, "int4"))
    assert seen.factor(("model.decoder.layers.0.mlp.up_proj.weight",), 0, 4, "cpu") is None
    assert "it has no usable tokenizer" in caplog.text
    assert (ensure_stored(folder, "int4") / "store.json").is_file()


def test_a_tokenizer_of_another_model_is_no_help(tmp_path: Path) -> None:
    folder = save_tiny_checkpoint(tmp_path / "one")
    (folder / "tokenizer.json").write_bytes((folder_of("bundled") / "tokenizer.json").read_bytes())
    with pytest.raises(ValueError, match="does not fit"):
        text_of(folder, _loaded(folder).config.text_config)
    (folder / "tokenizer.json").write_text("{")
    with pytest.raises(ValueError, match="no usable tokenizer"):
        text_of(folder, _loaded(folder).config.text_config)


def test_an_error_of_the_disk_is_not_taken_for_one_of_the_model(sharded: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("broke while it was written")

    monkeypatch.setattr(store.Writer, "put", fail)
    with pytest.raises(RuntimeError, match="broke while"):
        ensure_stored(sharded, "int4")


def test_canvases_get_more_noise_row_by_row() -> None:
    canvas = torch.full((5, 200), 7)
    masked = noised(canvas, MASK, VOCAB_SIZE)
    shares = [float((row == MASK).float().mean()) for row in masked]
    assert shares == sorted(shares)
    assert 0.1 < shares[0] < 0.3
    assert shares[-1] == 1
    assert set(masked.flatten().tolist()) == {7, MASK}
    assert len(set(noised(canvas, None, VOCAB_SIZE).flatten().tolist())) > 100
