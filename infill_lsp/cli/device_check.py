"""The check of `doctor` that looks at the accelerator: driver, torch build and free memory.

torch is not imported, since looking must not cost seconds; what it is built for stands in its `version.py`.
"""

from __future__ import annotations

import ast
import importlib.util
import platform
import shutil
import subprocess
from pathlib import Path

from infill_lsp.cli.finding import Finding

_NVIDIA_DRIVER = Path("/proc/driver/nvidia/version")
_QUERY = ["--query-gpu=name,memory.free,memory.total", "--format=csv,noheader,nounits"]
_PATIENCE_S = 10
_ROOM = 1.3  # activations, caches and the driver's own, as a share of the weights


def check_accelerator(num_weight_bytes: int = 0) -> Finding:
    """The GPU and its free memory, as far as they show without loading torch; weights need more than their own size."""
    if platform.system() == "Darwin" and platform.machine() == "arm64":
        return Finding("accelerator", "ok", "the engine makes no use of Apple's GPU; it runs on the CPU")
    if not _NVIDIA_DRIVER.exists():
        return Finding("accelerator", "ok", "no NVIDIA driver found; the engine runs on the CPU")
    build = _torch_build()
    if build is None:
        return Finding("accelerator", "ok", "NVIDIA driver found; whether torch can use it shows once it is installed")
    if build.get("cuda") is None:
        text = f"NVIDIA driver found, but torch {build.get('__version__')} has no CUDA; the engine runs on the CPU"
        return Finding("accelerator", "warning", text, "install a torch build with CUDA to use the GPU")
    text = f"torch {build.get('__version__')} has CUDA {build['cuda']}"
    gpus = _gpus()
    if not gpus:
        return Finding("accelerator", "ok", f"NVIDIA driver found, {text}; nvidia-smi does not tell the free memory")
    shown = "; ".join(f"{name}, {free:,} of {total:,} MiB free" for name, free, total in gpus)
    facts = {"gpus": [{"name": name, "free_mib": free, "total_mib": total} for name, free, total in gpus]}
    needed = round(num_weight_bytes * _ROOM / 2**20)
    if max(free for _, free, _ in gpus) < needed:
        advice = "end what else uses the GPU, or choose a smaller model"
        return Finding("accelerator", "warning", f"{shown}; the model needs some {needed:,} MiB", advice, facts)
    return Finding("accelerator", "ok", f"{shown}; {text}", facts=facts)


def _gpus() -> list[tuple[str, int, int]]:
    """Ask nvidia-smi for each GPU's name, free and whole memory in MiB. Empty: it does not tell."""
    binary = shutil.which("nvidia-smi")
    if binary is None:
        return []
    try:
        answer = subprocess.run(
            [binary, *_QUERY], capture_output=True, text=True, timeout=_PATIENCE_S, check=True
        ).stdout
        rows = [line.rsplit(",", 2) for line in answer.splitlines() if line.strip()]
        return [(name.strip(), int(free), int(total)) for name, free, total in rows]
    except (OSError, subprocess.SubprocessError, ValueError):
        return []


def _torch_build() -> dict[str, str | None] | None:
    """Read what torch's `version.py` assigns, such as `cuda = '12.8'`; None when torch cannot be found."""
    spec = importlib.util.find_spec("torch")
    if spec is None or spec.origin is None:
        return None
    try:
        module = ast.parse((Path(spec.origin).parent / "version.py").read_text(encoding="utf-8"))
    except (OSError, ValueError, SyntaxError):
        return None
    build: dict[str, str | None] = {}
    for statement in module.body:
        if not isinstance(statement, (ast.Assign, ast.AnnAssign)) or not isinstance(statement.value, ast.Constant):
            continue
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        value = statement.value.value
        build |= {
            target.id: value if isinstance(value, str) else None for target in targets if isinstance(target, ast.Name)
        }
    return build
