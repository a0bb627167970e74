"""The published way to run a checkpoint: its own `generate()` at its default settings.

It writes one canvas after the prefix: it cannot hold a suffix, and denoises every position of the canvas from random
tokens, which a checkpoint that was trained on a mask token does not expect. Its passes say little of quality.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from transformers import DiffusionGemmaForBlockDiffusion

from engine.api import EngineInfo, FillRequest
from engine.profile import Profile


def published(folder: Path, like: EngineInfo) -> Any:
    """Load a checkpoint in the published classes, where an engine keeps it and in the type that it uses."""
    model: Any = DiffusionGemmaForBlockDiffusion.from_pretrained(
        folder, dtype=getattr(torch, like.dtype), local_files_only=True
    )
    return model.to(like.device).eval()


class Generate:
    """A checkpoint's own `generate()`, on a model that others may use besides."""

    def __init__(self, model: Any, tokenizer: Tokenizer, profile: Profile) -> None:
        self._model, self._tokenizer, self._profile = model, tokenizer, profile
        self._passes = 0
        denoising_step = self._model._denoising_step

        def counted(*arguments: Any, **options: Any) -> Any:
            self._passes += 1
            return denoising_step(*arguments, **options)

        self._model._denoising_step = counted

    def run(self, request: FillRequest) -> tuple[float, int]:
        """Write a canvas after the request's prefix; return the milliseconds it took and its passes."""
        ids = self._tokenizer.encode(request.prefix.rstrip(), add_special_tokens=False).ids
        input_ids = torch.tensor([ids[-self._profile.max_prefix_tokens :]], device=self._model.device)
        self._passes = 0
        torch.manual_seed(0)
        started = time.perf_counter()
        with torch.inference_mode():
            self._model.generate(input_ids=input_ids, max_new_tokens=self._profile.canvas_tokens)
        return (time.perf_counter() - started) * 1000, self._passes
