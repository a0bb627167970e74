"""What the engine's tests share: one torch thread, a tiny random model, and the checkpoint folder it makes."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import DiffusionGemmaForBlockDiffusion
from transformers.utils.logging import disable_progress_bar

from tests.engine.tiny import MASK, SLACK, save_tiny_checkpoint, tiny_model


@pytest.fixture(scope="session", autouse=True)
def _quiet_and_single_threaded() -> None:
    torch.set_num_threads(1)
    disable_progress_bar()


@pytest.fixture(scope="session")
def tiny() -> DiffusionGemmaForBlockDiffusion:
    """Return a random model of the published classes; tests must leave it as it is."""
    return tiny_model()


@pytest.fixture(scope="session")
def tiny_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a checkpoint folder: random weights, a tokenizer of one token a byte. Tests must leave it as it is."""
    return save_tiny_checkpoint(
        tmp_path_factory.mktemp("checkpoint"),
        noise="mask",
        mask_token_id=MASK,
        slack_token_id=SLACK,
        self_conditioning=True,
    )
