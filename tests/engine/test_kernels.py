"""The kernels: interpreted on CPU tensors, compiled for cards without one, and chosen only where they can run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn
from transformers.activations import ACT2FN

from engine.models.quantize import product
from engine.models.quantize.precision import Format
from engine.models.quantize.product import fits_kernels, fused_activation
from engine.models.quantize.scales import quantized_as

pytest.importorskip("triton")  # There is none for other systems than Linux.


def test_interpreted_kernels_equal_the_reference(tmp_path: Path) -> None:
    """In a process of its own, as triton decides when it is imported whether it interprets."""
    tests = Path(__file__).with_name("interpreted_kernels.py")
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "--noconftest", "-p", "no:cacheprovider", str(tests)],
        env=os.environ | {"TRITON_INTERPRET": "1", "OMP_NUM_THREADS": "1"},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stdout[-8000:] + run.stderr[-2000:]
    assert " passed" in run.stdout


@pytest.mark.parametrize(
    ("columns", "format", "fits"),
    [
        (704, Format(4, 32), True),
        (2816, Format(8, 64), True),
        (2816, Format(4, 128), True),
        (96, Format(4, 32), False),
        (64, Format(4, 16), True),
        (64, Format(8, 8), False),
        (192, Format(4, 96), False),
        (64, Format(8, 64), True),
    ],
)
def test_kernels_take_rows_of_whole_runs_in_groups_that_end_with_halves(
    columns: int, format: Format, fits: bool
) -> None:
    assert fits_kernels(quantized_as(torch.ones(2, columns), format)) is fits


def test_kernels_take_no_part_of_a_weight_that_begins_or_ends_within_a_word() -> None:
    weight = quantized_as(torch.ones(8, 64), Format(4, 32))  # Two zeros a row, four a word.
    assert fits_kernels(weight[2:6])
    assert not fits_kernels(weight[1:5])
    assert not fits_kernels(weight[2:5])


@pytest.mark.parametrize("capability", [89, 90])
@pytest.mark.parametrize(("bits", "group"), [(4, 16), (4, 32), (4, 64), (8, 32), (8, 64)])
def test_a_kernel_compiles_for_a_card_and_reads_ahead(
    capability: int, bits: int, group: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What only a compiler demands: sizes, layouts, shared memory. It needs no card."""
    import triton
    import triton.language as tl
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    from engine.models.quantize.kernels.shapes import tile_for
    from engine.models.quantize.kernels.tile import multiply_tile

    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    tile = tile_for("gated", 4)
    pointers = {"x": "bf16", "codes": "u8", "scales": "i32", "zeros": "i32", "out": "bf16"}
    pointers |= {"sorted_rows": "i32", "block_experts": "i32", "row_weights": "fp32"}
    constants = {"CHOICES": 8, "BITS": bits, "GROUP": group, "SORTED": True, "WEIGHTED": False}
    constants |= {"ACTIVATION": "gelu_tanh", "DOT": tl.bfloat16, "BLOCK_ROWS": tile.rows, "BLOCK_OUT": tile.outs}
    names = multiply_tile.arg_names
    kinds = {name: f"*{pointers[name]}" if name in pointers else "i32" for name in names}
    aligned = {*pointers, "num_out", "row_bytes"}
    source = ASTSource(
        multiply_tile,
        kinds | dict.fromkeys(constants, "constexpr"),
        {(names.index(name),): value for name, value in constants.items()},
        {(names.index(name),): [["tt.divisibility", 16]] for name in aligned},
    )
    options = {"num_warps": tile.warps, "num_stages": tile.stages}
    kernel = triton.compile(source, target=GPUTarget("cuda", capability, 32), options=options)
    assert kernel.metadata.shared <= 48 * 1024  # Two programs and more fit a multiprocessor.
    assert ("wgmma" if capability == 90 else "mma.sync") in kernel.asm["ptx"]
    loop = kernel.asm["ttgir"].split("scf.for", 1)[1].split("scf.yield", 1)[0]
    assert "async_copy_global_to_local" in loop
    assert "tt.load" not in loop  # Each would wait for memory, once for every 64 columns.


def test_activations_are_known_by_what_they_are() -> None:
    assert fused_activation(ACT2FN["gelu_pytorch_tanh"]) == "gelu_tanh"
    assert fused_activation(ACT2FN["silu"]) == "silu"
    assert fused_activation(nn.GELU(approximate="tanh")) == "gelu_tanh"
    assert fused_activation(nn.GELU()) is None
    assert fused_activation(ACT2FN["gelu"]) is None
    assert fused_activation(torch.relu) is None


def test_without_a_cuda_device_products_are_the_references() -> None:
    weight = quantized_as(torch.randn(5, 64), Format(4, 32))
    x = torch.randn(3, 64)
    assert torch.equal(product.linear_product(x, weight), product.reference_linear(x, weight))
