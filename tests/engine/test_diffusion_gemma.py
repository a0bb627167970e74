"""The adapter against the model's own forward pass: caches, batches, open positions, scores, broken folders."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from torch import Tensor
from transformers.cache_utils import DynamicCache

from engine.api import CheckpointError
from engine.canvas import hole_canvas
from engine.denoise import denoise
from engine.denoise_config import DenoiseConfig
from engine.models.checkpoint import load
from engine.models.diffusion_gemma import DiffusionGemma, Prefix
from engine.models.idle_experts import leave_out_idle_experts
from tests.engine.tiny import BOS, CANVAS_LENGTH, MASK, PAD, SLIDING_WINDOW, VOCAB_SIZE

CLOSE = {"atol": 2e-4, "rtol": 1e-4}


def random_ids(length: int, seed: int = 0) -> list[int]:
    return [BOS, *torch.randint(5, VOCAB_SIZE, (length - 1,), generator=torch.Generator().manual_seed(seed)).tolist()]


def model_cache(model: Any, prefix_ids: list[int], batch_size: int = 1) -> DynamicCache:
    """Encode the prefix in one go and with no adapter."""
    cache = DynamicCache(config=model.config.text_config)
    with torch.inference_mode():
        model.model.encoder(input_ids=torch.tensor([prefix_ids] * batch_size), past_key_values=cache)
    return cache


def check_pass(model: Any, adapter: DiffusionGemma, prefix: Prefix, *, batch_size: int = 1, seed: int = 0) -> None:
    """Assert that a denoising pass equals the model's own, with and without known rows and self-conditioning."""
    generator = torch.Generator().manual_seed(seed)
    canvas_ids = torch.randint(VOCAB_SIZE, (batch_size, 9), generator=generator)
    open_mask = torch.rand(batch_size, 9, generator=generator) < 0.6
    open_mask[:, 0] = True
    told = torch.randn(batch_size, 9, VOCAB_SIZE, generator=generator) * 3
    told[..., PAD] = -torch.inf
    # A known position is sure of its own token; this is what the adapter spares the product with the vocabulary.
    certain = torch.nn.functional.one_hot(canvas_ids, VOCAB_SIZE).float().log()
    told_fully = torch.where(open_mask[..., None], told, certain)
    cache = model_cache(model, list(prefix.ids), batch_size)
    run = adapter.forward_for(prefix, batch_size)
    with torch.inference_mode():
        for full, compact in ((None, None), (told_fully, told[open_mask])):
            expected = model(decoder_input_ids=canvas_ids, past_key_values=cache, self_conditioning_logits=full).logits
            logits = run(canvas_ids, open_mask, compact)
            assert logits.dtype == torch.float32
            torch.testing.assert_close(logits, expected[open_mask], **CLOSE)


@pytest.mark.parametrize("length", [1, 2, SLIDING_WINDOW - 1, SLIDING_WINDOW, SLIDING_WINDOW + 1, 70, 200])
@pytest.mark.parametrize("batch_size", [1, 3])
def test_a_pass_equals_the_models_own(tiny: Any, length: int, batch_size: int) -> None:
    adapter = DiffusionGemma(tiny)
    check_pass(tiny, adapter, adapter.prefill(random_ids(length)), batch_size=batch_size, seed=length)


def test_a_row_with_nothing_open_changes_no_other_and_is_not_run(tiny: Any) -> None:
    adapter = DiffusionGemma(tiny)
    prefix = adapter.prefill(random_ids(20))
    canvas_ids = torch.randint(VOCAB_SIZE, (3, 9), generator=torch.Generator().manual_seed(1))
    open_mask = torch.ones(3, 9, dtype=torch.bool)
    run = adapter.forward_for(prefix, 3)
    every_row = run(canvas_ids, open_mask, None).view(3, 9, -1)
    open_mask[1] = False
    rows_run: list[int] = []
    hook = adapter._decoder.layers[0].register_forward_pre_hook(lambda _, inputs: rows_run.append(len(inputs[0])))
    others = run(canvas_ids, open_mask, None).view(2, 9, -1)
    hook.remove()
    torch.testing.assert_close(others, every_row[[0, 2]], **CLOSE)
    assert rows_run == [2]


def test_a_pass_takes_canvases_of_several_lengths(tiny: Any) -> None:
    adapter = DiffusionGemma(tiny)
    prefix = adapter.prefill(random_ids(20))
    run = adapter.forward_for(prefix)
    for length in (3, 8, 3):
        canvas_ids = torch.arange(length)[None] + 5
        with torch.inference_mode():
            cache = model_cache(tiny, list(prefix.ids))
            expected = tiny(decoder_input_ids=canvas_ids, past_key_values=cache).logits[0]
        torch.testing.assert_close(run(canvas_ids, canvas_ids > 0, None), expected, **CLOSE)


@pytest.mark.parametrize("lengths", [[5, 6, 7], [14, 15, 16, 17, 18], [90, 91, 140, 100], [200, 90, 201], [40, 40]])
def test_a_prefix_that_grew_from_a_snapshot_equals_a_fresh_one(tiny: Any, lengths: list[int]) -> None:
    ids, adapter = random_ids(256), DiffusionGemma(tiny)
    for length in lengths:
        grown, fresh = adapter.prefill(ids[:length]), DiffusionGemma(tiny).prefill(ids[:length])
        assert grown.ids == fresh.ids == tuple(ids[:length])
        torch.testing.assert_close(grown.last_hidden, fresh.last_hidden, **CLOSE)
        for mine, theirs in zip(grown.kv_cache.layers, fresh.kv_cache.layers, strict=True):
            torch.testing.assert_close(mine.keys, theirs.keys, **CLOSE)
            torch.testing.assert_close(mine.values, theirs.values, **CLOSE)
            assert mine.get_seq_length() == length
        check_pass(tiny, adapter, grown)


def encoded_tokens(model: Any, action: Callable[[], object]) -> int:
    """Return how many tokens the encoder reads while the action runs."""
    read: list[int] = []
    embed = model.model.encoder.language_model.embed_tokens
    hook = embed.register_forward_hook(lambda _module, inputs, _output: read.append(inputs[0].numel()))
    try:
        action()
    finally:
        hook.remove()
    return sum(read)


def test_only_what_changed_is_encoded(tiny: Any) -> None:
    ids, adapter = random_ids(256), DiffusionGemma(tiny)
    assert encoded_tokens(tiny, lambda: adapter.prefill(ids[:200])) == 200
    assert encoded_tokens(tiny, lambda: adapter.prefill(ids[:200])) == 0
    assert encoded_tokens(tiny, lambda: adapter.prefill(ids[:203])) == 3
    # The last token is another one: the snapshot at 128 tokens is the longest that still fits.
    assert encoded_tokens(tiny, lambda: adapter.prefill([*ids[:199], 7])) == 200 - 128
    adapter.forget_prefixes()
    assert encoded_tokens(tiny, lambda: adapter.prefill(ids[:200])) == 200


def test_using_a_prefix_does_not_change_it(tiny: Any) -> None:
    adapter, ids = DiffusionGemma(tiny), random_ids(60)
    prefix = adapter.prefill(ids[:40])
    before = [layer.keys.clone() for layer in prefix.kv_cache.layers]
    adapter.prefill(ids)
    adapter.autoregressive_logprob(prefix, ids[40:])
    check_pass(tiny, adapter, prefix, batch_size=2)
    for layer, keys in zip(prefix.kv_cache.layers, before, strict=True):
        assert torch.equal(layer.keys, keys)
        assert layer.get_seq_length() == 40


def test_an_empty_prefix_is_refused(tiny: Any) -> None:
    with pytest.raises(ValueError, match="at least one token"):
        DiffusionGemma(tiny).prefill([])


@pytest.mark.parametrize("prefix_length", [1, 10, 40, 90])
def test_the_autoregressive_score_is_that_of_the_uncached_encoder(tiny: Any, prefix_length: int) -> None:
    ids, adapter = random_ids(prefix_length + 12), DiffusionGemma(tiny)
    with torch.inference_mode():
        hidden = tiny.model.encoder(input_ids=torch.tensor([ids])).last_hidden_state
        logits = torch.tanh(tiny.lm_head(hidden) / tiny.final_logit_softcapping) * tiny.final_logit_softcapping
        expected = logits[0].log_softmax(-1)[range(len(ids) - 1), ids[1:]]
    scores = adapter.autoregressive_logprob(adapter.prefill(ids[:prefix_length]), ids[prefix_length:])
    torch.testing.assert_close(scores, expected[prefix_length - 1 :], **CLOSE)


def test_the_causal_reading_of_several_drafts_is_that_of_the_uncached_encoder(tiny: Any) -> None:
    adapter = DiffusionGemma(tiny)
    prefix = adapter.prefill(random_ids(70))
    drafts = torch.tensor([random_ids(6, seed=1), random_ids(6, seed=2)])
    logits = adapter.autoregressive_logits(prefix, drafts)
    for row, draft in enumerate(drafts.tolist()):
        log_probs = logits[row].log_softmax(-1)
        expected = adapter.autoregressive_logprob(prefix, draft)
        torch.testing.assert_close(log_probs.gather(-1, drafts[row][:, None])[:, 0], expected, **CLOSE)
    assert torch.equal(adapter.prefill(prefix.ids).kv_cache.layers[0].keys, prefix.kv_cache.layers[0].keys)


def test_idle_experts_are_left_out_and_change_nothing(tiny: Any) -> None:
    idle, whole = deepcopy(tiny), deepcopy(tiny)
    assert leave_out_idle_experts(deepcopy(tiny)) == 0  # Experts that do something stay.
    for model in (idle, whole):
        for layer in model.model.decoder.layers:
            layer.experts.down_proj.data.zero_()
    idle.tie_weights()
    assert leave_out_idle_experts(idle) == 2 * len(idle.model.decoder.layers)
    check_pass(whole, DiffusionGemma(idle), DiffusionGemma(idle).prefill(random_ids(70)), batch_size=2)


def test_no_tokens_have_no_score(tiny: Any) -> None:
    adapter = DiffusionGemma(tiny)
    assert adapter.autoregressive_logprob(adapter.prefill([BOS]), []).shape == (0,)


def test_a_checkpoint_folder_is_loaded_and_denoises(tiny: Any, tiny_checkpoint: Path) -> None:
    adapter = load(tiny_checkpoint)
    tokenizer = Tokenizer.from_file(str(tiny_checkpoint / "tokenizer.json"))
    prefix_ids, suffix_ids = (tokenizer.encode(text, add_special_tokens=False).ids for text in ("x = f(", ")\né"))
    assert tokenizer.decode(suffix_ids) == ")\né"
    config = DenoiseConfig(
        vocab_size=adapter.vocab_size,
        noise=adapter.declared["noise"],
        mask_token_id=adapter.declared["mask_token_id"],
        forbidden_ids=adapter.unwritable_ids,
        max_denoising_steps=4,
        keep_accepted=True,
    )
    canvas = hole_canvas(6, suffix_ids, batch_size=2)
    prefix = adapter.prefill([BOS, *prefix_ids])
    *_, last = denoise(adapter.forward_for(prefix, 2), canvas, config, torch.Generator().manual_seed(0))
    answer: Tensor = last.argmax_ids
    assert answer[:, 6:].tolist() == [suffix_ids] * 2
    assert not torch.isin(answer[:, :6], torch.tensor([MASK, *adapter.unwritable_ids])).any()
    check_pass(tiny, adapter, adapter.prefill(random_ids(30)))


def test_the_adapter_says_what_it_holds(tiny_checkpoint: Path) -> None:
    adapter = load(tiny_checkpoint, dtype=torch.bfloat16)
    assert adapter.vocab_size == VOCAB_SIZE
    assert adapter.max_canvas_tokens == CANVAS_LENGTH
    assert adapter.max_positions == 512
    assert adapter.unwritable_ids == (PAD, BOS, VOCAB_SIZE - 3, VOCAB_SIZE - 2, VOCAB_SIZE - 1)
    assert adapter.declared["slack_token_id"] == 4
    assert adapter.device == torch.device("cpu")
    assert adapter.dtype == torch.bfloat16
    stored = load_file(tiny_checkpoint / "model.safetensors")
    # The one number a layer that scales its output is no weight to the model classes.
    weights = [tensor for name, tensor in stored.items() if not name.endswith("layer_scalar")]
    assert adapter.num_parameters == sum(tensor.numel() for tensor in weights)


def _edit_config(folder: Path, **changed: Any) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | changed))


def _edit_text_config(folder: Path, **changed: Any) -> None:
    text_config = json.loads((folder / "config.json").read_text())["text_config"]
    _edit_config(folder, text_config=text_config | changed)


def _without_a_weight(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    del weights[next(name for name in weights if "q_proj" in name and "decoder" in name)]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


def _cut_weights(folder: Path) -> None:
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:5000])


@pytest.mark.parametrize(
    ("breakage", "complaint"),
    [
        (shutil.rmtree, "no such checkpoint folder"),
        (lambda folder: (folder / "config.json").unlink(), "no config.json"),
        (lambda folder: (folder / "config.json").write_text("{"), "cannot be read as JSON"),
        (lambda folder: (folder / "config.json").write_text("[]"), "the model type is None"),
        (lambda folder: _edit_config(folder, model_type="t5"), "the model type is 't5'"),
        (lambda folder: (folder / "model.safetensors").unlink(), "no weights there"),
        (lambda folder: (folder / "model.safetensors").write_bytes(b""), "cannot be read"),
        (_cut_weights, "cannot be read"),
        (_without_a_weight, "weights are missing, among them model.decoder"),
        (lambda folder: _edit_text_config(folder, intermediate_size=48), "cannot be read|wrong shape"),
        (lambda folder: _edit_text_config(folder, hidden_size="wide"), "cannot be read"),
    ],
)
def test_a_folder_that_cannot_be_loaded_says_why_in_one_line(
    tiny_checkpoint: Path, tmp_path: Path, breakage: Callable[[Path], object], complaint: str
) -> None:
    folder = tmp_path / "broken"
    shutil.copytree(tiny_checkpoint, folder)
    breakage(folder)
    with pytest.raises(CheckpointError, match=complaint) as caught:
        load(folder)
    assert str(folder) in str(caught.value)
    assert "\n" not in str(caught.value)
