"""Causal checkpoints of several published layouts, quantised while their files are read, and planned into memory."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

from engine import local
from engine.api import CheckpointError, Filler, FillRequest, finish
from engine.causal_profile import MAX_SUFFIX_TOKENS
from engine.causal_sizes import causal_sizes
from engine.fitted import FittedLoader
from engine.folder_sizes import sizes_in
from engine.models import causal_checkpoint
from engine.models.causal_lm import CausalLM
from engine.models.quantize.build import load_quantized
from engine.models.quantize.calibration import calibrated
from engine.models.quantize.modules import names_in, num_bytes, quantize_modules
from engine.models.quantize.precision import PRECISIONS, Precision
from engine.models.quantize.weight import QuantWeight
from engine.worker import Worker
from tests.engine.tiny import tiny_tokenizer
from tests.engine.tiny_causal import save_tiny_causal

QUANTIZED: tuple[Precision, ...] = ("int8", "int4")
VOCAB_SIZE = 272  # more than `tiny_tokenizer` has
IDS = torch.arange(6, 36)[None] % VOCAB_SIZE
REQUEST = FillRequest("def add(a, b):\n    return ", "\n", max_hole_tokens=4)
_SMALL: dict[str, Any] = {
    "vocab_size": VOCAB_SIZE,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "max_position_embeddings": 128,
    "initializer_range": 0.5,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 5,
}
_EXPERTS = {"num_experts_per_tok": 2, "moe_intermediate_size": 16}


def _gemma4(**_: Any) -> Any:
    """Return a Gemma 4 as it is published: a language model with fused experts inside one that sees."""
    text = {
        **_SMALL,
        "vocab_size_per_layer_input": VOCAB_SIZE,
        "hidden_size_per_layer_input": 8,
        "num_hidden_layers": 3,
        "head_dim": 16,
        "global_head_dim": 16,
        "layer_types": ["sliding_attention", "sliding_attention", "full_attention"],
        "sliding_window": 8,
        "enable_moe_block": True,
        "num_experts": 4,
        "top_k_experts": 2,
        "moe_intermediate_size": 16,
    }
    sight = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    sight |= {"head_dim": 8, "num_key_value_heads": 2}
    ids = {"image_token_id": 265, "video_token_id": 266, "audio_token_id": 267}
    ids |= {"boi_token_id": 268, "eoi_token_id": 269}
    config = transformers.Gemma4Config(text_config=text, vision_config=sight, audio_config=None, **ids)
    return transformers.Gemma4ForConditionalGeneration(config)


def _of(name: str, **others: Any) -> Callable[[], Any]:
    """Return what makes a small model of an architecture by the name of its classes."""
    head = "LMHeadModel" if name == "GPT2" else "ForCausalLM"
    cls, config = getattr(transformers, f"{name}{head}"), getattr(transformers, f"{name}Config")
    return lambda: cls(config(**{**_SMALL, **others}))


KINDS: dict[str, Callable[[], Any]] = {
    "llama": _of("Llama"),
    "mistral": _of("Mistral", sliding_window=8, head_dim=16),
    "starcoder2": _of("Starcoder2"),
    "gemma4": _gemma4,
    # Ten experts and more: their numbers are counted, not spelt.
    "qwen3_moe": _of("Qwen3Moe", num_experts=12, head_dim=16, **_EXPERTS),
    "mixtral": _of("Mixtral", num_local_experts=4, num_experts_per_tok=2),
    "deepseek_v2": _of(
        "DeepseekV2",
        num_key_value_heads=2,
        n_routed_experts=4,
        n_shared_experts=1,
        q_lora_rank=16,
        kv_lora_rank=16,
        qk_rope_head_dim=8,
        qk_nope_head_dim=16,
        v_head_dim=16,
        n_group=1,
        topk_group=1,
        first_k_dense_replace=1,
        **_EXPERTS,
    ),
}


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def saved(make: Callable[[], Any], folder: Path) -> Path:
    """Write a model of random weights in the published layout, in several files."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        make().eval().save_pretrained(folder, max_shard_size="40KB")
    tiny_tokenizer().save(str(folder / "tokenizer.json"))
    assert len(list(folder.glob("*.safetensors"))) > 1
    return folder


@pytest.fixture(scope="module")
def folder_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return what gives the folder of a kind; tests must leave it as it is."""
    made: dict[str, Path] = {}

    def of(kind: str) -> Path:
        if kind not in made:
            made[kind] = saved(KINDS[kind], tmp_path_factory.mktemp(kind))
        return made[kind]

    return of


def published(folder: Path) -> Any:
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()


@torch.inference_mode()
def logits(model: Any) -> torch.Tensor:
    found: torch.Tensor = model(input_ids=IDS).logits
    return found


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("precision", PRECISIONS)
def test_the_built_model_is_the_published_one_quantised(
    kind: str, precision: Precision, folder_of: Callable[[str], Path], caplog: pytest.LogCaptureFixture
) -> None:
    expected = published(folder_of(kind))
    plain = logits(expected)
    seen = calibrated(expected, folder_of(kind), names_in(expected, precision))
    swapped = quantize_modules(expected, precision, seen)
    built = load_quantized(folder_of(kind), precision)
    assert torch.equal(logits(built), logits(expected))
    assert "is quantised without knowing" not in caplog.text
    assert bool(swapped.slots) == (precision != "bf16")
    assert torch.equal(logits(built), plain) == (precision == "bf16")


@pytest.mark.parametrize("kind", ["gemma4", "qwen3_moe"])
def test_experts_on_the_host_compute_the_same(kind: str, folder_of: Callable[[str], Path]) -> None:
    whole, hosted = (load_quantized(folder_of(kind), "int4", offloaded_layers=layers) for layers in ((), (1,)))
    names = [type(module).__name__ for module in hosted.modules()]
    assert names.count("HostExperts") == 1
    assert torch.equal(logits(whole), logits(hosted))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("precision", QUANTIZED)
def test_a_plan_knows_what_it_takes(kind: str, precision: Precision, folder_of: Callable[[str], Path]) -> None:
    sizes = causal_sizes(folder_of(kind), torch.float32)
    built = load_quantized(folder_of(kind), precision)
    assert sizes.weights[precision] == num_bytes(built)
    has_experts = any(path.endswith(".experts") for path, _ in built.named_modules())
    assert bool(sizes.expert_layers[precision]) == has_experts
    adapter = CausalLM(built)
    taken = [kept_of(adapter, count) for count in (10, 30)]
    # A Mistral says of no layer that it keeps less.
    assert sizes.kv_token * 20 == taken[1] - taken[0] or kind == "mistral"
    assert taken[1] <= sizes.kv_cache(30)


def test_layers_that_use_what_others_keep_take_nothing(tmp_path: Path) -> None:
    folder = save_tiny_causal(tmp_path, "gemma")
    sizes, adapter = causal_sizes(folder, torch.float32), causal_checkpoint.load(folder)
    windows = sizes.kv_window - sizes.kv_token * (MAX_SUFFIX_TOKENS + 256)
    for count in (20, 40):
        assert kept_of(adapter, count) == sizes.kv_token * count + windows


def kept_of(adapter: CausalLM, num_tokens: int) -> int:
    """Return what is kept of a prefix, in bytes."""
    layers = adapter.prefill(range(num_tokens)).kv_cache.layers
    return sum(layer.keys.nbytes + layer.values.nbytes for layer in layers if layer.keys is not None)


def test_a_layout_that_is_broken_is_one_clear_line(tmp_path: Path) -> None:
    folder = saved(KINDS["qwen3_moe"], tmp_path)
    index = folder / "model.safetensors.index.json"
    where = json.loads(index.read_bytes())["weight_map"]
    name = "model.layers.1.mlp.experts.7.up_proj.weight"
    file = folder / where[name]
    state = load_file(file)
    weight = state.pop(name)
    save_file(state, file)
    with pytest.raises(CheckpointError, match=r"layers\.1\.mlp\.experts\.gate_up_proj is stored in a layout"):
        load_quantized(folder, "int8")
    save_file(state | {name: weight[:-1].clone()}, file)
    with pytest.raises(CheckpointError, match=r"has the wrong shape"):
        load_quantized(folder, "int8")
    save_file(state | {name: weight}, file)
    load_quantized(folder, "int8")


def test_what_has_nothing_to_quantise_says_so(tmp_path: Path) -> None:
    folder = saved(_of("GPT2", n_embd=32, n_layer=2, n_head=2), tmp_path)
    with pytest.raises(CheckpointError, match="nothing in a gpt2 model is quantised here; choose bf16") as refused:
        local.load(str(folder), device="cpu", precision="int4")
    assert len(str(refused.value).splitlines()) == 1
    with pytest.raises(CheckpointError, match="no precision is called 'int3'"):
        local.load(str(folder), device="cpu", precision="int3")


@pytest.mark.parametrize(
    "config",
    [
        {"model_type": "mamba2"},  # nothing in it attends
        {"model_type": "phi3", "vocab_size": 8, "pad_token_id": 9},
        {"model_type": "dbrx", "n_heads": 0},
        {"model_type": "qwen2", "quantization_config": {"quant_method": "fp8"}},
    ],
)
def test_what_cannot_be_planned_for_is_loaded_as_it_is_stored(config: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert sizes_in(tmp_path, torch.device("cuda")) is None


def test_what_its_makers_quantised_is_not_quantised_again(tmp_path: Path) -> None:
    folder = save_tiny_causal(tmp_path, "qwen")
    assert sizes_in(folder, torch.device("cuda")) is not None
    config = json.loads((folder / "config.json").read_bytes())
    (folder / "config.json").write_text(json.dumps(config | {"quantization_config": {"quant_method": "fp8"}}))
    with pytest.raises(CheckpointError, match="its makers quantised it"):
        causal_checkpoint.load(folder, precision="int8")


@pytest.mark.parametrize("text", ['{"eos_token_id', "[]"])
def test_a_broken_generation_config_is_one_clear_line(text: str, tmp_path: Path) -> None:
    folder = save_tiny_causal(tmp_path, "qwen")
    (folder / "generation_config.json").write_text(text)
    with pytest.raises(CheckpointError, match="the checkpoint cannot be read") as refused:
        causal_checkpoint.load(folder, precision="int8")
    assert len(str(refused.value).splitlines()) == 1


@pytest.mark.parametrize("kind", ["qwen", "gemma"])
@pytest.mark.parametrize("precision", QUANTIZED)
def test_a_quantised_checkpoint_fills_holes(kind: str, precision: Precision, tmp_path: Path) -> None:
    folder = save_tiny_causal(tmp_path / "checkpoint", kind)
    (folder / "generation_config.json").write_text('{"eos_token_id": [1, 7, 9]}')
    plain = local.load(str(folder), device="cpu")
    filler = local.load(str(folder), device="cpu", precision=precision, max_prefix_tokens=7)
    assert filler.info.num_parameters == plain.info.num_parameters
    assert filler.info.capabilities.max_prefix_tokens == 7
    assert finish(filler.fill(REQUEST)).passes
    adapters = [causal_checkpoint.load(folder, precision=each) for each in ("auto", precision)]
    assert adapters[0].eos_ids == adapters[1].eos_ids
    assert {1, 7, 9} <= {*adapters[1].eos_ids}
    kept = [any(isinstance(module, QuantWeight) for module in each._model.modules()) for each in adapters]
    assert kept == [False, True]


class Loads:
    """Loads as `engine.local.load` does, and runs out of memory at first."""

    def __init__(self, num_failures: int) -> None:
        self.num_failures = num_failures
        self.asked: list[tuple[str, tuple[int, ...], int | None]] = []

    def __call__(
        self,
        model: str,
        *,
        precision: str,
        offloaded_layers: Collection[int],
        max_prefix_tokens: int | None,
        **others: Any,
    ) -> Filler:
        self.asked.append((precision, tuple(offloaded_layers), max_prefix_tokens))
        if len(self.asked) <= self.num_failures:
            raise torch.OutOfMemoryError
        kept = {"offloaded_layers": offloaded_layers, "max_prefix_tokens": max_prefix_tokens}
        return local.load(model, precision=precision, **kept, **others)


@pytest.mark.parametrize(("num_failures", "precision"), [(0, "bf16"), (1, "int8"), (2, "int4")])
def test_memory_is_planned_as_it_is_for_other_checkpoints(num_failures: int, precision: str, tmp_path: Path) -> None:
    folder, load = save_tiny_causal(tmp_path / "checkpoint", "qwen"), Loads(num_failures)
    fitted = FittedLoader(
        str(folder),
        device="cpu",
        load=load,
        free=lambda _: 8 * 10**9,
        sizes=lambda folder, device: causal_sizes(folder),  # as on a card
        small_bytes=0,
    )
    running = Worker(fitted, idle_seconds=60)
    try:
        result = running.fill(REQUEST, lambda draft: None).future.result(60)
    finally:
        assert running.close(60)
    assert result.passes
    assert [asked for asked, _, _ in load.asked] == [*PRECISIONS][: num_failures + 1]
    assert load.asked[-1][0] == precision
    assert load.asked[-1][2] == 512, "no more is read than the model can read"
    assert fitted.why.startswith(f"{precision}: ")


@pytest.mark.parametrize(("precision", "asked"), [("auto", "auto"), ("bf16", "bf16"), ("int8", "int8")])
def test_on_a_cpu_nothing_is_planned_and_the_users_word_holds(precision: Any, asked: str, tmp_path: Path) -> None:
    folder, load = save_tiny_causal(tmp_path / "checkpoint", "qwen"), Loads(0)
    fitted = FittedLoader(str(folder), device="cpu", load=load, precision=precision, small_bytes=0)
    fitted()
    assert (load.asked, fitted.why) == ([(asked, (), None)], "")
