"""`infill-lsp fill` with a causal checkpoint: dispatch, host, wire, gate and all."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from engine.api import FillRequest, finish
from engine.local import load
from tests.engine.tiny_causal import save_causal_that_says, save_tiny_causal

_ROOT = Path(__file__).parents[2]


@pytest.mark.usefixtures("private_folders")
def test_a_file_is_filled(tmp_path: Path) -> None:
    folder = save_causal_that_says(tmp_path / "model", " total + 3")
    file = tmp_path / "source.py"
    file.write_text("total = 3\narea = \nprint(area)\n")
    command = [sys.executable, "-m", "infill_lsp", "fill", "--json", file, "--at", "2:8", "--model", folder]
    ran = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")
    answer = json.loads(ran.stdout)
    assert answer["text"] == "total + 3"
    assert answer["range"] == {"start": [2, 8], "end": [2, 8]}
    assert answer["reason"] is None
    assert 4 <= answer["passes"] <= 12, "a token a step, the one that ends the fill, and a few for other candidates"


@pytest.mark.parametrize("kind", ["qwen", "gemma"])
def test_the_engines_own_loader_finds_the_family(tmp_path: Path, kind: str) -> None:
    filler = load(str(save_tiny_causal(tmp_path, kind)), device="cpu")
    assert filler.info.capabilities.noise == "none"
    assert finish(filler.fill(FillRequest("x = ", "\n", max_hole_tokens=4))).passes > 0
