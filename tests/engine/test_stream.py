"""A checkpoint is quantised while its shards are read, and the model that is built of it equals the quantised one."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import DiffusionGemmaForBlockDiffusion

from engine.api import CheckpointError
from engine.models.diffusion_gemma import DiffusionGemma
from engine.models.quantize import stream as streaming
from engine.models.quantize.build import load_quantized
from engine.models.quantize.calibration import calibrated
from engine.models.quantize.modules import names_in, quantize_modules
from engine.models.quantize.precision import PRECISIONS, Precision
from tests.engine.sharded import save_sharded_checkpoint
from tests.engine.tiny import tiny_model

_ROOT = Path(__file__).parent.parent.parent

# Quantises in a process of its own and prints how far its memory rose above where it stood: what it allocated and what
# it mapped of the files together, as the system counts it (VmHWM), so nothing that was touched is left out.
_CHILD = """
import json, sys
from pathlib import Path
import torch
from engine.models.quantize.build import ensure_stored
torch.set_num_threads(1)
warm, folder = Path(sys.argv[1]), Path(sys.argv[2])
def status(key):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(key + ":"))
for precision in ("int4", "int8"):
    ensure_stored(warm, precision)
    Path("/proc/self/clear_refs").write_text("5")
    before = status("VmRSS")
    ensure_stored(folder, precision)
    print(json.dumps(status("VmHWM") - before))
"""


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def sharded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a small checkpoint of several shards; tests must leave it as it is."""
    folder = save_sharded_checkpoint(tmp_path_factory.mktemp("sharded"), hidden=64, experts=4, shard="100KB")
    assert len(list(folder.glob("model-*.safetensors"))) > 3
    return folder


def shared(model: object) -> dict[str, torch.Tensor]:
    """Return all tensors of a model by name, buffers that no file holds among them."""
    assert isinstance(model, torch.nn.Module)
    return {**dict(model.named_parameters(remove_duplicate=False)), **dict(model.named_buffers())}


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="the system does not count so")
def test_quantising_takes_less_memory_than_two_shards(tiny_checkpoint: Path, tmp_path: Path) -> None:
    folder = save_sharded_checkpoint(tmp_path / "large", hidden=128, experts=160, shard="20MB")
    shards = [file.stat().st_size for file in folder.glob("*.safetensors")]
    assert len(shards) >= 2
    command = [sys.executable, "-c", _CHILD, str(tiny_checkpoint), str(folder)]
    # Larger tensors go back to the system at once, so that none hides in what was free before.
    own = os.environ | {"MALLOC_MMAP_THRESHOLD_": "65536"}
    ran = subprocess.run(command, capture_output=True, text=True, check=True, cwd=_ROOT, env=own)
    rises = [json.loads(line) for line in ran.stdout.splitlines()]
    assert len(rises) == 2
    assert all(0 < rise < 2 * max(shards) for rise in rises), (rises, shards)


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("piece", [streaming._LARGEST_PIECE, 1 << 16])
def test_the_built_model_equals_the_quantised_one(
    sharded: Path, precision: Precision, piece: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streaming, "_LARGEST_PIECE", piece)
    expected = DiffusionGemmaForBlockDiffusion.from_pretrained(sharded, dtype=torch.float32).eval()
    num_parameters = sum(parameter.numel() for parameter in expected.parameters())
    images = (expected.model.encoder.vision_tower, expected.model.encoder.embed_vision)
    num_parameters -= sum(parameter.numel() for module in images for parameter in module.parameters())
    del expected.model.encoder.vision_tower, expected.model.encoder.embed_vision
    seen = calibrated(expected, sharded, names_in(expected, precision))
    quantize_modules(expected, precision, seen)
    built = load_quantized(sharded, precision)
    wanted, found = shared(expected), shared(built)
    assert wanted.keys() == found.keys()
    assert [name for name in wanted if not torch.equal(wanted[name], found[name])] == []
    assert built.num_stood_for == num_parameters
    prefix_ids = [3, 5, 7, 11]
    one, other = DiffusionGemma(expected).prefill(prefix_ids), DiffusionGemma(built).prefill(prefix_ids)
    assert torch.equal(one.last_hidden, other.last_hidden)


@pytest.mark.parametrize("precision", PRECISIONS)
def test_offloaded_experts_compute_the_same(sharded: Path, precision: Precision) -> None:
    whole, hosted = load_quantized(sharded, precision), load_quantized(sharded, precision, offloaded_layers=(1, 2))
    kinds = [type(layer.experts).__name__ for layer in hosted.model.decoder.layers]
    assert kinds[1:] == ["HostExperts", "HostExperts"]
    assert kinds[0] != "HostExperts"
    one, other = (DiffusionGemma(model).prefill([3, 5, 7]).last_hidden for model in (whole, hosted))
    assert torch.equal(one, other)


def test_a_checkpoint_that_has_only_the_encoders_names_is_read(tmp_path: Path) -> None:
    model = tiny_model()
    model.save_pretrained(tmp_path)
    file = tmp_path / "model.safetensors"
    state = load_file(file)
    tied = dict(model.named_parameters(remove_duplicate=False))
    for name in list(state):
        other = name.replace("model.decoder.", "model.encoder.language_model.")
        if "layer_scalar" not in name and other in tied:
            state[other] = state.pop(name)
    assert not any(name.startswith("model.decoder.layers.0.self_attn") for name in state)
    save_file(state, file, {"format": "pt"})
    built = load_quantized(tmp_path, "bf16")
    assert torch.equal(
        built.model.decoder.layers[0].mlp.up_proj.weight, model.model.decoder.layers[0].mlp.up_proj.weight
    )


def test_one_weight_under_two_names_must_be_one_weight(tmp_path: Path) -> None:
    tiny_model().save_pretrained(tmp_path)
    file = tmp_path / "model.safetensors"
    state = load_file(file)
    name = next(name for name in state if name.endswith("layers.1.mlp.up_proj.weight"))
    there, here = "model.decoder.", "model.encoder.language_model."
    other = name.replace(there, here) if there in name else name.replace(here, there)
    save_file(state | {other: state[name].clone()}, file, {"format": "pt"})
    load_quantized(tmp_path, "int8")
    save_file(state | {other: state[name] + 1}, file, {"format": "pt"})
    with pytest.raises(CheckpointError, match=r"are one weight in this model, but differ"):
        load_quantized(tmp_path, "int8")


def _edit(change: Callable[[dict[str, torch.Tensor]], object]) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        file = sorted(folder.glob("model-*.safetensors"))[1]
        state = load_file(file)
        change(state)
        save_file(state, file, {"format": "pt"})

    return edit


def _experts(state: dict[str, torch.Tensor]) -> str:
    return next(name for name in state if state[name].ndim > 1 and "router" not in name)


def _not_finite(state: dict[str, torch.Tensor]) -> None:
    state[_experts(state)][..., 0] = torch.nan


def _cut(folder: Path) -> None:
    file = sorted(folder.glob("model-*.safetensors"))[1]
    os.truncate(file, file.stat().st_size - 100)


_INDEX = "model.safetensors.index.json"


@pytest.mark.parametrize(
    ("breaking", "match"),
    [
        (_edit(lambda state: state.pop(_experts(state))), "weights are missing, among them"),
        (_edit(lambda state: state.update({_experts(state): torch.ones(3, 3)})), "wrong shape"),
        (_edit(_not_finite), "not finite"),
        (_cut, "broken or cut off"),
        (lambda folder: sorted(folder.glob("model-*"))[0].write_bytes(b"\x00" * 100), "broken or cut off"),
        (lambda folder: sorted(folder.glob("model-*"))[0].unlink(), "is missing, which the index names"),
        (lambda folder: [file.unlink() for file in folder.glob("*.safetensors")], "no weights there"),
        (lambda folder: (folder / _INDEX).write_text("{}"), "cannot be read"),
        (lambda folder: (folder / _INDEX).write_text('{"weight_map": {"a": "../b.safetensors"}}'), "is missing"),
        (lambda folder: (folder / "config.json").write_text("{"), "cannot be read as JSON"),
        (lambda folder: (folder / "config.json").write_text('{"model_type": "diffusion_gemma"}'), "configuration"),
    ],
)
def test_a_broken_checkpoint_is_one_clear_line_and_leaves_nothing(
    sharded: Path, tmp_path: Path, breaking: Callable[[Path], object], match: str
) -> None:
    folder = tmp_path / "broken"
    shutil.copytree(sharded, folder)
    breaking(folder)
    with pytest.raises(CheckpointError, match=match) as failure:
        load_quantized(folder, "int8")
    assert len(str(failure.value).splitlines()) == 1
    assert str(folder) in str(failure.value)
    left = list((tmp_path / "cache").rglob("*.safetensors"))
    assert left == []
