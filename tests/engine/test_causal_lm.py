"""The adapter of causal models does what `generate()` does, keeps prefixes apart, and reads what it writes."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM

from engine.api import CheckpointError
from engine.bench.left_to_right import decode
from engine.causal_rows import Rules, write
from engine.constraints import constraints
from engine.models import causal_checkpoint
from engine.models.causal_lm import CausalLM
from tests.engine.tiny_causal import SLIDING_WINDOW, save_tiny_causal

_KINDS = ["qwen", "gemma"]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {kind: save_tiny_causal(tmp_path_factory.mktemp(kind), kind) for kind in _KINDS}


def fresh(folders: dict[str, Path], kind: str) -> CausalLM:
    return causal_checkpoint.load(folders[kind])


def some_ids(adapter: CausalLM, count: int, seed: int = 0) -> list[int]:
    generator = random.Random(seed)
    return [generator.randrange(4, adapter.vocab_size) for _ in range(count)]


def generated(adapter: CausalLM, ids: list[int], count: int) -> list[int]:
    """Return what transformers' own greedy decoding writes."""
    output = adapter._model.generate(
        torch.tensor([ids]), max_new_tokens=count, min_new_tokens=count, do_sample=False, eos_token_id=None
    )
    answer: list[int] = output[0, len(ids) :].tolist()
    return answer


@pytest.mark.parametrize("kind", _KINDS)
@pytest.mark.parametrize("length", [1, SLIDING_WINDOW - 1, SLIDING_WINDOW, 40, 150])
def test_greedy_writing_equals_generate(folders: dict[str, Path], kind: str, length: int):
    adapter = fresh(folders, kind)
    ids = some_ids(adapter, length, seed=length)
    expected = generated(adapter, ids, 20)
    rules = Rules(constraints(adapter.vocab_size, adapter.device), frozenset(), (), 20)
    for num_drawn in (0, 3):
        prefix = adapter.prefill(ids)
        steps = list(write(prefix.logits, adapter.continuation(prefix), rules, num_drawn, torch.Generator()))
        assert list(steps[-1][0].ids) == expected
    assert decode(adapter, ids, 20) == expected  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", _KINDS)
def test_a_cached_prefix_equals_one_read_whole(folders: dict[str, Path], kind: str):
    adapter = fresh(folders, kind)
    ids = some_ids(adapter, 200)
    for length in (90, 150, 151, 152, 150, 200, 199, 120):
        cached, whole = adapter.prefill(ids[:length]), fresh(folders, kind).prefill(ids[:length])
        assert torch.allclose(cached.logits, whole.logits, atol=1e-4)
    assert adapter.prefixes.num_hits >= 6


@pytest.mark.parametrize("kind", _KINDS)
def test_writing_leaves_the_prefix_as_it_was(folders: dict[str, Path], kind: str):
    adapter = fresh(folders, kind)
    prefix = adapter.prefill(some_ids(adapter, 70))
    rules = Rules(constraints(adapter.vocab_size, adapter.device), frozenset(), (), 6)
    runs = [
        list(write(prefix.logits, adapter.continuation(prefix), rules, 3, torch.Generator().manual_seed(0)))
        for _ in range(2)
    ]
    assert runs[0] == runs[1]


@pytest.mark.parametrize("kind", _KINDS)
def test_written_likelihoods_are_those_of_a_reading(folders: dict[str, Path], kind: str):
    adapter = fresh(folders, kind)
    ids = some_ids(adapter, 80)
    prefix = adapter.prefill(ids)
    rules = Rules(constraints(adapter.vocab_size, adapter.device), frozenset(), (7,), 9)
    rows = list(write(prefix.logits, adapter.continuation(prefix), rules, 4, torch.Generator().manual_seed(1)))[-1]
    assert len({row.ids for row in rows}) >= 4
    read = adapter.log_probs(prefix, [row.ids for row in rows])
    for row, log_probs in zip(rows, read, strict=True):
        assert row.log_probs == pytest.approx(log_probs, abs=1e-3)
        with torch.inference_mode():
            logits = adapter._model(torch.tensor([[*ids, *row.ids]])).logits.float().log_softmax(-1)[0]
        plain = logits[len(ids) - 1 : -1].gather(-1, torch.tensor(row.ids)[:, None])[:, 0].tolist()
        assert log_probs == pytest.approx(plain, abs=1e-3)
        assert row.follows == pytest.approx(logits[len(ids) - 1 : -1, 7].tolist(), abs=1e-3)


def test_rows_are_read_within_a_budget(folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch):
    adapter = fresh(folders, "qwen")
    prefix = adapter.prefill([5, 6, 7])
    rows = [some_ids(adapter, 1 + index, seed=index) for index in range(7)]
    together = adapter.log_probs(prefix, rows)
    monkeypatch.setattr("engine.models.causal_lm.MAX_LOGITS", adapter.vocab_size * 14)
    assert [len(row) for row in together] == [len(row) for row in rows]
    for one, other in zip(adapter.log_probs(prefix, rows), together, strict=True):
        assert one == pytest.approx(other, abs=1e-4)
    assert adapter.log_probs(prefix, [[], []]) == [[], []]


def test_a_prefix_that_grows_inside_its_prompt_is_found_again(folders: dict[str, Path]):
    adapter = fresh(folders, "qwen")
    before, after = some_ids(adapter, 200), some_ids(adapter, 150, seed=1)
    adapter.prefill([*before, *after], num_stable=len(before))
    found = adapter.prefixes.longest([*before, 9, *after])
    assert found is not None
    assert len(before) - 80 <= found[0] <= len(before)


def test_an_empty_prefix_is_refused(folders: dict[str, Path]):
    with pytest.raises(ValueError, match="at least one"):
        fresh(folders, "qwen").prefill([])


def test_forgotten_prefixes_hold_no_memory(folders: dict[str, Path]):
    adapter = fresh(folders, "gemma")
    adapter.prefill(some_ids(adapter, 100))
    assert adapter.prefixes.total_bytes > 0
    adapter.forget_prefixes()
    assert adapter.prefixes.total_bytes == 0


def saved(folder: Path, model_type: str, **shape: object) -> Path:
    """Write a checkpoint of another architecture."""
    config = AutoConfig.for_model(
        model_type, vocab_size=64, hidden_size=32, intermediate_size=48, initializer_range=0.5, **shape
    )
    torch.manual_seed(0)
    AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    return folder


def test_states_that_are_written_into_are_not_shared(tmp_path: Path):
    layers = {"layer_types": ["conv", "full_attention"] * 2, "num_hidden_layers": 4}
    heads = {"num_attention_heads": 2, "num_key_value_heads": 1}
    adapter = causal_checkpoint.load(saved(tmp_path, "lfm2", **layers, **heads))
    ids = some_ids(adapter, 100)
    expected = generated(adapter, ids, 8)
    rules = Rules(constraints(adapter.vocab_size, adapter.device), frozenset(), (), 8)
    prefix = adapter.prefill(ids)
    for num_drawn in (0, 3, 0):
        steps = list(write(prefix.logits, adapter.continuation(prefix), rules, num_drawn, torch.Generator()))
        assert list(steps[-1][0].ids) == expected
        read = adapter.log_probs(prefix, [row.ids for row in steps[-1]])
        for row, log_probs in zip(steps[-1], read, strict=True):
            assert row.log_probs == pytest.approx(log_probs, abs=1e-3)


def test_a_model_that_takes_no_cache_of_ours_says_so(tmp_path: Path):
    heads = {"num_heads": 4, "head_dim": 16, "n_groups": 1, "state_size": 8, "num_hidden_layers": 1}
    folder = saved(tmp_path, "mamba2", **heads)
    with pytest.raises(CheckpointError, match="cannot go on"):
        causal_checkpoint.load(folder)


def broken(folder: Path, kind: str, **changed: object) -> Path:
    """Write a checkpoint whose configuration says something else."""
    save_tiny_causal(folder, kind)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, **changed}))
    return folder


def test_a_folder_that_cannot_be_run_says_so(tmp_path: Path):
    with pytest.raises(CheckpointError, match="no such checkpoint folder"):
        causal_checkpoint.load(tmp_path / "nowhere")
    with pytest.raises(CheckpointError, match=r"wrong shape|cannot be read"):
        causal_checkpoint.load(broken(tmp_path / "shape", "qwen", hidden_size=48))
    with pytest.raises(CheckpointError, match="model type is 'xlm-nothing'"):
        causal_checkpoint.load(broken(tmp_path / "type", "qwen", model_type="xlm-nothing"))
    without = broken(tmp_path / "pickled", "qwen")
    (without / "model.safetensors").rename(without / "pytorch_model.bin")
    with pytest.raises(CheckpointError, match="safetensors"):
        causal_checkpoint.load(without)


def test_no_code_of_a_checkpoint_is_run(tmp_path: Path):
    auto_map = {"AutoConfig": "evil.Config", "AutoModelForCausalLM": "evil.Model"}
    folder = broken(tmp_path / "remote", "qwen", auto_map=auto_map)
    (folder / "evil.py").write_text("raise SystemExit('code of a checkpoint was run')\n")
    assert type(causal_checkpoint.load(folder)._model).__name__ == "Qwen2ForCausalLM"
