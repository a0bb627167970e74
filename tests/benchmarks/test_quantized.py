"""What quantised weights do to fills: the bars on the bundled checkpoint; the figures and sizes that are printed."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import pytest
import torch
from rich.console import Console
from transformers import DiffusionGemmaForBlockDiffusion

from benchmarks import quantized
from benchmarks.quantized import Outcome
from engine.bench.holes import Group
from engine.loading import BUNDLED
from engine.models.quantize.modules import quantize_modules
from engine.models.quantize.precision import PRECISIONS, Precision
from tests.engine.tiny import MASK, SLACK, save_tiny_checkpoint

_HOLES = 60  # `python -m benchmarks.quantized` fills more; of fewer the share says too little beside a bar


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def test_fills_of_the_bundled_checkpoint_stay_the_same():
    load = partial(quantized.loaded, "bundled")
    outcomes = quantized.measure(load, ["single_line"], _HOLES, seed=3, console=Console(quiet=True))
    assert len(outcomes) == _HOLES * len(PRECISIONS)
    assert sum(bool(each.fill) for each in outcomes) > 0.9 * len(outcomes)
    found = quantized.rows(outcomes)
    assert quantized.failures(found) == []
    # The comparison is one of different weights.
    assert any(row.equal.value < 1 for row in found if row.precision == "int4")


def test_a_bar_is_held_by_single_lines_alone():
    def outcomes(precision: Precision, group: Group, same: int) -> list[Outcome]:
        return [Outcome(precision, group, index, "a" if index < same else "b", "a") for index in range(20)]

    given = [
        *outcomes("bf16", "single_line", 20),
        *outcomes("bf16", "multi_line", 20),
        *outcomes("int8", "single_line", 18),
        *outcomes("int8", "multi_line", 20),
        *outcomes("int4", "single_line", 16),
        *outcomes("int4", "multi_line", 2),
    ]
    found = {(row.precision, row.group): row for row in quantized.rows(given)}
    assert found["bf16", "all"].equal.value == 1
    assert found["int8", "all"].equal.value == found["int8", "all"].exact_match.value == 38 / 40
    assert found["int4", "multi_line"].similarity_to_unquantized.value == pytest.approx(0.1)
    assert quantized.failures(quantized.rows(given)) == ["int8: 90.0% of 20 fills are bf16's; the bar is 95%"]


def test_an_unanswered_hole_is_equal_to_an_unanswered_one_and_no_match():
    given = [Outcome(precision, "single_line", 0, "", "") for precision in PRECISIONS]
    assert all(row.equal.value == 1 and row.exact_match.value == 0 for row in quantized.rows(given))


def test_sizes_are_those_of_the_quantised_model():
    taken = {size.precision: size for size in quantized.sizes("bundled")}
    assert taken["int4"].num_bytes < taken["int8"].num_bytes < taken["bf16"].num_bytes
    for precision in ("int8", "int4"):
        model = DiffusionGemmaForBlockDiffusion.from_pretrained(BUNDLED, dtype=torch.bfloat16, local_files_only=True)
        swapped = quantize_modules(model, precision)
        assert taken[precision].bits_per_weight == pytest.approx(swapped.bits_per_weight)
        saved = swapped.bytes_before - swapped.bytes_after
        assert taken["bf16"].num_bytes - taken[precision].num_bytes == pytest.approx(saved, abs=1)


def test_the_command_prints_every_figure(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    folder = save_tiny_checkpoint(
        tmp_path, noise="mask", mask_token_id=MASK, slack_token_id=SLACK, max_prefix_tokens=32, hole_widths=[4, 8]
    )
    arguments = ["--model", str(folder), "--holes", "2", "--groups", "single_line"]
    status = quantized.main([*arguments, "--json"])
    record = json.loads(capsys.readouterr().out)
    assert status == (1 if record["missed"] else 0)
    assert [(row["precision"], row["group"], row["holes"]) for row in record["rows"]] == [
        (precision, group, 2) for precision in PRECISIONS for group in ("all", "single_line")
    ]
    assert record["rows"][0]["equal"]["value"] == 1
    quantized.main(arguments)
    assert "edit similarity" in capsys.readouterr().out


def test_a_checkpoint_that_is_not_there_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert quantized.main(["--model", str(tmp_path / "none")]) == 1
    assert "no such checkpoint folder" in capsys.readouterr().err
