"""The GPU benchmark without a card: all rows at tiny shapes, what they come to, and what a failure costs."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import gpu, gpu_child, gpu_report
from benchmarks.gpu_build import random_model
from benchmarks.gpu_clock import timing
from benchmarks.gpu_rows import DoesNotFitError, Place
from benchmarks.gpu_sections import SECTIONS, tasks
from benchmarks.gpu_shapes import PUBLISHED, TINY, diffusion_config
from benchmarks.gpu_work import decoding_work, denoising_work, prefill_work
from engine.models.quantize.modules import num_bytes
from engine.models.quantize.precision import PRECISIONS, Precision
from engine.sizes import sizes_of

CPU = torch.device("cpu")
TRUE_CONFIG = diffusion_config(PUBLISHED)
QUICK = replace(TINY, canvases=(32,), batches=(1, 2), contexts=(24,), fill_tokens=32, repeats=2)


@pytest.mark.parametrize("section", SECTIONS)
def test_every_row_of_every_section_is_measured(section: str) -> None:
    rows, names = [], []
    for name, measure in tasks(section, Place(QUICK, CPU)):
        names.append(name)
        rows.append(measure())
    assert len(names) == len({*names}), "a row that broke its process is skipped by its name"
    assert all(row["timing"]["ms"] > 0 for row in rows if "timing" in row)
    json.dumps(rows)
    if section in PRECISIONS:
        assert rows[0]["row"] == "build"
        assert {row["row"] for row in rows} >= {"memory", "pass", "fill", "decode", "prefill", "profile"}
        hit = [row["experts_hit"] for row in rows if row["row"] == "pass" and row["who"] != "generate"]
        assert hit
        assert all(0 < each <= QUICK.experts for each in hit)
    if section == "bf16":
        assert {row["who"] for row in rows if row["row"] == "pass"} == {"ours graph", "ours eager", "generate"}
    if section.startswith("kernels"):
        assert {row["row"] for row in rows} == {"experts", "linear"}


def test_an_unknown_section_is_refused() -> None:
    with pytest.raises(ValueError, match="no section"):
        next(tasks("int3", Place(QUICK, CPU)))


@pytest.mark.parametrize("precision", PRECISIONS)
def test_a_random_model_takes_what_the_engine_says_a_checkpoint_takes(precision: Precision) -> None:
    config = diffusion_config(TINY)
    model = random_model(config, precision, CPU, torch.float32)
    sizes = sizes_of(config, weight_bytes=4)
    assert sizes is not None
    # Rotations and the embedding's scale are computed, not loaded.
    assert num_bytes(model) == pytest.approx(sizes.weights[precision], abs=1000)
    experts = [layer.experts for layer in model.model.decoder.layers]

    def work(hit: int) -> float:
        return denoising_work(config, precision, 1, 32, 24, [hit] * TINY.layers, 4).num_bytes

    assert work(TINY.experts) - work(0) == sum(num_bytes(each) for each in experts), "what is not hit is not read"
    held = [each.gate_up_proj if precision == "bf16" else each.gate_up_proj.packed.codes for each in experts]
    assert len({tensor.data_ptr() for tensor in held}) == TINY.layers, "each layer is read from its own memory"
    assert all(bool(tensor.isfinite().all()) for tensor in model.parameters())


def test_the_published_shapes_are_those_of_the_published_checkpoint() -> None:
    sizes = sizes_of(diffusion_config(PUBLISHED))
    assert sizes is not None
    assert sizes.weights["bf16"] / 2 == pytest.approx(25.25e9, rel=0.002)  # 25.2 billion weights
    active = decoding_work(diffusion_config(PUBLISHED), "bf16", 1, 2).num_bytes / 2
    assert active == pytest.approx(3.8e9, rel=0.03)  # 3.8 billion a token
    assert sizes.kv_token == 5 * 2 * 2 * 512 * 2  # five full layers of two heads


@given(st.sampled_from(PRECISIONS), st.integers(1, 128), st.integers(1, 8), st.sampled_from((32, 256)))
def test_work_grows_with_experts_and_canvases(precision: Precision, hit: int, batch: int, canvas: int) -> None:
    config = TRUE_CONFIG

    def work(experts: float, rows: int) -> Any:
        return denoising_work(config, precision, rows, canvas, 2048, [experts] * PUBLISHED.layers, 2)

    found, more = work(hit, batch), work(hit, batch + 1)
    assert found.num_bytes == more.num_bytes
    assert found.operations < more.operations
    assert found.num_bytes < work(hit + 1, batch).num_bytes
    assert found.floor_ms(1e12, 1e20) == pytest.approx(found.num_bytes / 1e9)
    assert found.floor_ms(1e20, 1e12) == pytest.approx(found.operations / 1e9)


def test_a_prefix_is_read_with_fewer_operations_than_it_is_decoded_with() -> None:
    config = diffusion_config(PUBLISHED)
    read, decoded = prefill_work(config, "int4", 2048, 2), decoding_work(config, "int4", 2048, 2)
    assert read.operations < 2048 * decoded.operations
    assert read.num_bytes < 2048 * decoded.num_bytes


def test_quartiles_hold_the_median() -> None:
    found = timing([4.0, 1.0, 3.0, 2.0, 100.0])
    assert (found.low, found.ms, found.high, found.count) == (2.0, 3.0, 4.0, 5)
    assert timing([7.0]).ms == 7.0
    with pytest.raises(ValueError, match="nothing"):
        timing([])


def _time(ms: float) -> dict[str, float]:
    return {"ms": ms, "low": ms, "high": ms, "count": 1}


def _pass(who: str, ms: float, precision: str = "bf16", num_bytes: float = 1e9) -> dict[str, Any]:
    same = {"row": "pass", "precision": precision, "canvas": 64, "batch": 1, "context": 2048}
    return {**same, "who": who, "timing": _time(ms), "bytes": num_bytes, "operations": 1e9}


RATES = [
    {"row": "copy", "bytes_per_s": 1e12, "timing": _time(1)},
    {"row": "matrix", "operations_per_s": 1e14, "timing": _time(1)},
]


def _verdicts(rows: list[dict[str, Any]]) -> dict[str, str]:
    return {bar.name: bar.verdict for bar in gpu_report.bars(rows)}


def test_bars_are_held_missed_or_not_measured() -> None:
    assert {*_verdicts([]).values()} == {"NOT MEASURED"}
    checked = {"row": "check", "experts_difference": 0.004, "linear_difference": 0.03}
    assert _verdicts([checked])["kernels off their reference"] == "MISSED"
    memory = {"row": "memory", "precision": "int4", "peak": {"reserved": 17.9e9, "allocated": 17e9}}
    decoded = {"row": "decode", "precision": "int4", "who": "transformers", "tokens": 64, "timing": _time(10)}
    fill = {"row": "fill", "precision": "int4", "tokens": 64, "passes": gpu_report.FILL_PASSES, "timing": _time(150)}
    rows = [*RATES, memory, decoded, fill, _pass("generate", 3.9), _pass("ours graph", 1.4)]
    found = _verdicts(rows)
    assert found["VRAM at 4 bit, bytes reserved"] == "HELD"
    assert found["ours over generate() at bf16"] == "HELD"  # 2.8 times
    assert found["pass over floor at bf16"] == "HELD"  # 1 GB at 1 TB/s is 1 ms
    assert found["pass over floor at int8"] == "NOT MEASURED"
    assert found["fill over decoding (transformers) at int4"] == "HELD"  # 640 over 150
    assert found["fill over decoding (one CUDA graph a token) at int4"] == "NOT MEASURED"
    # The worst row decides, and a bar is about its own precision.
    slow = {**_pass("ours graph", 1.6), "canvas": 256}
    found = _verdicts([*rows, slow, {**_pass("generate", 3.1), "canvas": 256}, _pass("ours graph", 9, "int4")])
    assert found["pass over floor at bf16"] == found["pass over floor at int4"] == "MISSED"
    assert found["ours over generate() at bf16"] == "MISSED"  # 1.9 times
    assert _verdicts([{**memory, "peak": {"reserved": 18.1e9}}])["VRAM at 4 bit, bytes reserved"] == "MISSED"


def test_the_summary_names_what_is_missing() -> None:
    rows = [*RATES, _pass("generate", 4), _pass("ours graph", 1), {**_pass("ours graph", 2), "batch": 4}]
    text = gpu_report.summary(rows, ["bf16, pass graph: out of memory"])
    assert "generate() at bf16 over ours, canvas 64 batch 1 context 2048: bf16 x4.00" in text
    assert "4 candidates over one at bf16: x2.00" in text
    assert "missing: bf16, pass graph: out of memory" in text
    assert "floor 1 ms, x4.00" in gpu_report.line(gpu_report.with_floors(rows)[2])


def _said(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [
        json.loads(line.removeprefix(gpu_child.MARK))
        for line in capsys.readouterr().out.splitlines()
        if line.startswith(gpu_child.MARK)
    ]


def _broken() -> dict[str, Any]:
    raise RuntimeError("out of memory\nand more")


def test_a_failed_row_costs_itself(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [("build", dict), ("first", _broken), ("second", dict), ("third", dict)]
    assert gpu_child.run(rows, {"build", "second"}, lambda: True) == 0
    assert [each for each in _said(capsys) if "begin" not in each] == [
        {"name": "build", "found": {}},  # what a section is measured on is made whatever is skipped
        {"name": "first", "failed": "RuntimeError: out of memory"},
        {"name": "third", "found": {}},
    ]


def test_a_broken_device_or_build_ends_the_process(capsys: pytest.CaptureFixture[str]) -> None:
    assert gpu_child.run([("first", _broken), ("second", dict)], (), lambda: False) == gpu_child.BROKEN
    assert gpu_child.run([("build", _broken), ("second", dict)], (), lambda: True) == 1

    def too_large() -> dict[str, Any]:
        raise DoesNotFitError("54 GB are needed")

    assert gpu_child.run([("build", too_large), ("second", dict)], (), lambda: True) == 0
    said = _said(capsys)
    assert "second" not in str(said)
    assert said[-1] == {"name": "build", "skipped": "54 GB are needed"}
    assert all("begin" in one or "begin" in other for one, other in pairwise(said))


def test_a_run_writes_its_record(tmp_path: Path) -> None:
    file = tmp_path / "new" / "gpu.json"
    asked = ["--shapes", "tiny", "--device", "cpu", "--only", "card", "compiled", "--json", str(file)]
    assert gpu.main(asked) == 0
    record = json.loads(file.read_text())
    assert [row["row"] for row in record["rows"]] == ["copy", "matrix"]
    assert (record["missing"], record["shapes"]) == ([], "tiny")
    assert record["versions"]["torch"]
    assert {bar["verdict"] for bar in record["bars"]} == {"NOT MEASURED"}


def test_a_run_without_time_says_so(tmp_path: Path) -> None:
    file = tmp_path / "gpu.json"
    asked = ["--shapes", "tiny", "--device", "cpu", "--only", "card", "--minutes", "0", "--json", str(file)]
    assert gpu.main(asked) == 1
    assert json.loads(file.read_text())["missing"] == ["card: no time was left"]
