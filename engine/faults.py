"""What a model's exception means for the process: it lives on, it ran out of memory, or its device is lost.

After some errors of an accelerator every later call in the same process fails too: an assertion in a kernel, memory
that a kernel may not touch, a driver that was reset while the machine slept. Only a new process gets the device back.
It knows torch only where something else has loaded it.
"""

from __future__ import annotations

import sys

from .api import EngineError

# What the drivers say of errors that never go away in the process that met them.
_LASTING = (
    "device-side assert",
    "illegal memory access",
    "illegal address",
    "illegal instruction",
    "misaligned address",
    "unspecified launch failure",
    "hardware stack error",
    "uncorrectable ecc error",
    "uncorrectable nvlink error",
    "launch timed out",
    "context is destroyed",
    "cuda error: unknown error",
    "device kernel image is invalid",
)
_OF_THE_DEVICE = ("cuda error", "hip error", "cublas", "cudnn", "nccl")


def is_out_of_memory(failure: Exception) -> bool:
    """Tell whether memory, the machine's or the device's, was too small."""
    if isinstance(failure, MemoryError) or type(failure).__name__ == "OutOfMemoryError":
        return True
    text = str(failure).lower()
    return isinstance(failure, RuntimeError) and ("out of memory" in text or "can't allocate memory" in text)


def has_lost_device(failure: Exception) -> bool:
    """Tell whether the device can never be used again by this process."""
    text = str(failure).lower()
    if not isinstance(failure, RuntimeError) or is_out_of_memory(failure):
        return False
    if any(phrase in text for phrase in _LASTING):
        return True
    return any(phrase in text for phrase in _OF_THE_DEVICE) and not _device_answers()


def out_of_memory(then: str | None = None) -> EngineError:
    """Say that memory was too small, and how the model is loaded next where that takes less."""
    if then is not None:
        return EngineError(f"The model ran out of memory; the next fill loads it smaller: {then}.")
    return EngineError("The model ran out of memory; close what else uses the device, or choose a smaller model.")


def lost_device(failure: Exception) -> EngineError:
    """Say that the device is lost, and that the next request finds another process."""
    return EngineError(f"The device failed ({_one_line(failure)}); the engine host starts anew with the next request.")


def unexpected(failure: Exception) -> EngineError:
    """Say what the model raised."""
    detail = f"{type(failure).__name__}: {_one_line(failure)}"
    return EngineError(f"The model failed: {detail[:300]} (the engine host's log tells more)")


def _device_answers() -> bool:
    cuda = getattr(sys.modules.get("torch"), "cuda", None)
    try:
        if cuda is not None and cuda.is_initialized():
            cuda.synchronize()
    except RuntimeError:
        return False
    return True


def _one_line(failure: Exception) -> str:
    return " ".join(str(failure).split())[:200]
