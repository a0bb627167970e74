"""How well a run uses its machine: positions a second, memory, and the share of time in matrix products."""

from __future__ import annotations

import re
import resource
import sys
import time
from dataclasses import dataclass

import torch
from torch.profiler import ProfilerActivity, profile

from engine.training.plan import flops_per_position
from engine.training.train import Run

# Kernels of an accelerator and operators of a CPU that multiply matrices, attention among them.
_MATRIX_PRODUCT = re.compile(
    r"gemm|nvjet|cutlass|xmma|fmha|flash|attention|\bmm\b|addmm|bmm|aten::linear|convolution", re.I
)
# Dense bfloat16 multiply-adds, from the vendors' data sheets.
_PEAK_FLOPS = {"H200": 989e12, "H100": 989e12, "A100": 312e12, "L40S": 362e12, "RTX 4090": 165e12}


@dataclass(frozen=True, slots=True)
class Measured:
    """What a few steps in the run's present phase came to."""

    device: str
    steps: int
    positions_per_second: float
    matrix_product_share: float  # of the device's busy time
    model_flops_per_second: float
    utilisation: float | None  # of the device's peak, where that is known
    peak_memory_bytes: int  # of the accelerator, or of this process where there is none


def measure(run: Run, steps: int = 6) -> Measured:
    """Take steps with the run and return what they cost. Its weights change: save first.

    A first step outside the measurement pays for what is compiled or allocated once.
    """
    on_gpu = run.device.type == "cuda"
    run.step()
    _wait(on_gpu)
    positions, begun = run.counters.positions, time.perf_counter()
    for _ in range(steps):
        run.step()
    _wait(on_gpu)
    rate = (run.counters.positions - positions) / (time.perf_counter() - begun)
    activities = [ProfilerActivity.CPU, ProfilerActivity.CUDA] if on_gpu else [ProfilerActivity.CPU]
    with profile(activities=activities) as profiled:
        for _ in range(2):
            run.step()
        _wait(on_gpu)
    is_joint = run.counters.progress >= run.recipe.causal_share
    flops = rate * flops_per_position(run.recipe, joint=is_joint)
    name = torch.cuda.get_device_name() if on_gpu else "cpu"
    peak = next((value for key, value in _PEAK_FLOPS.items() if key in name), None)
    return Measured(
        device=name,
        steps=steps,
        positions_per_second=rate,
        matrix_product_share=_share(profiled, on_gpu),
        model_flops_per_second=flops,
        utilisation=flops / peak if peak else None,
        peak_memory_bytes=torch.cuda.max_memory_allocated() if on_gpu else _resident_bytes(),
    )


def _share(profiled: profile, on_gpu: bool) -> float:
    """Return the share of self time in matrix products: of kernels on an accelerator, of operators on a CPU."""
    products = total = 0.0
    for event in profiled.key_averages():
        spent = event.self_device_time_total if on_gpu else event.self_cpu_time_total
        total += spent
        products += spent if _MATRIX_PRODUCT.search(event.key) else 0.0
    return products / total if total else 0.0


def _wait(on_gpu: bool) -> None:
    if on_gpu:
        torch.cuda.synchronize()


def _resident_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
