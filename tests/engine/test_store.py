"""Quantised weights on disk: there whole or not at all, found by their content, checked when loaded, made once."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.api import EngineError
from engine.models.quantize import build, store
from engine.models.quantize.build import ensure_stored, load_quantized
from engine.models.quantize.store import BrokenStoreError, Kinds, Store
from tests.engine.tiny import save_tiny_checkpoint

_ROOT = Path(__file__).parent.parent.parent
_KINDS: Kinds = {
    "codes": (torch.uint8, (5, 3)),
    "scales": (torch.float16, (5, 2)),
    "scalar": (torch.bfloat16, ()),
    "none": (torch.float32, (0, 4)),
}


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "infill-lsp" / "quantised"


def _values() -> dict[str, torch.Tensor]:
    return {
        "codes": torch.arange(15, dtype=torch.uint8).view(5, 3),
        "scales": torch.arange(10).half().view(5, 2),
        "scalar": torch.tensor(2.5, dtype=torch.bfloat16),
        "none": torch.empty(0, 4),
    }


def _write(folder: Path) -> None:
    with store.writing(folder, _KINDS, {"source": "here", "precision": "int8"}) as writer:
        for name, tensor in _values().items():
            writer.put(name, 0, tensor)


@settings(max_examples=25)
@given(order=st.permutations([(name, row) for name in ("codes", "scales") for row in range(5)]))
def test_rows_come_back_in_whatever_order_they_are_written(
    tmp_path_factory: pytest.TempPathFactory, order: list[tuple[str, int]]
) -> None:
    folder, values = tmp_path_factory.mktemp("store") / "made", _values()
    with store.writing(folder, _KINDS, {}) as writer:
        writer.put("scalar", 0, values["scalar"])
        for name, row in order:
            writer.put(name, row, values[name][row : row + 1])
    opened = Store(folder, _KINDS)
    for name, value in values.items():
        assert torch.equal(opened.tensor(name, "cpu"), value)


def test_what_is_not_finished_is_not_there(tmp_path: Path) -> None:
    folder = tmp_path / "made"
    with contextlib.suppress(KeyError), store.writing(folder, _KINDS, {}) as writer:
        writer.put("codes", 0, _values()["codes"])
        raise KeyError
    assert list(tmp_path.glob("*made*")) == []


def test_damage_is_found_when_a_tensor_is_loaded(tmp_path: Path) -> None:
    folder = tmp_path / "made"
    _write(folder)
    file = folder / "weights.safetensors"
    data = bytearray(file.read_bytes())
    data[-1] ^= 1  # of the codes: the smallest type comes last
    file.write_bytes(data)
    opened = Store(folder, _KINDS)
    opened.tensor("scales", "cpu")
    with pytest.raises(BrokenStoreError, match="codes"):
        opened.tensor("codes", "cpu")


@pytest.mark.parametrize("name", ["weights.safetensors", "store.json"])
def test_a_store_that_is_cut_off_or_incomplete_is_not_opened(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "made"
    _write(folder)
    os.truncate(folder / name, 40)
    with pytest.raises(BrokenStoreError):
        Store(folder, _KINDS)
    (folder / name).unlink()
    with pytest.raises(BrokenStoreError):
        Store(folder, _KINDS)


def test_a_store_of_other_tensors_is_not_opened(tmp_path: Path) -> None:
    _write(tmp_path / "made")
    with pytest.raises(BrokenStoreError, match="other tensors"):
        Store(tmp_path / "made", {**_KINDS, "codes": (torch.uint8, (3, 5))})


def test_a_full_disk_is_said_before_anything_is_read(tiny_checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    full = shutil._ntuple_diskusage(10**9, 10**9, 1000)  # type: ignore[attr-defined]
    monkeypatch.setattr(shutil, "disk_usage", lambda path: full)
    with pytest.raises(EngineError, match=r"need 0\.0 GB of disk .* has 0\.0 GB; make room") as failure:
        load_quantized(tiny_checkpoint, "int8")
    assert len(str(failure.value).splitlines()) == 1


# A file larger than this cannot be written in the child, as on a disk that is full sooner than it said.
_FULL = """
import resource, signal, sys
from pathlib import Path
from engine.api import EngineError
from engine.models.quantize.build import ensure_stored
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))
try:
    ensure_stored(Path(sys.argv[1]), "int8")
except EngineError as error:
    print(error)
"""


def test_a_disk_that_fills_up_leaves_nothing(tiny_checkpoint: Path, cache: Path) -> None:
    command = [sys.executable, "-c", _FULL, str(tiny_checkpoint)]
    ran = subprocess.run(command, capture_output=True, text=True, check=True, cwd=_ROOT)
    assert "cannot be written" in ran.stdout
    assert ran.stdout.count("\n") == 1
    assert [path.name for path in cache.iterdir()] == [".lock"]


# Killed with half of the tensors written.
_KILLED = """
import os, signal, sys
from pathlib import Path
from engine.models.quantize import store
from engine.models.quantize.build import ensure_stored
whole, count = store.Writer.put, 0
def put(self, *rows):
    global count
    count += 1
    if count == 40:
        os.kill(os.getpid(), signal.SIGKILL)
    whole(self, *rows)
store.Writer.put = put
ensure_stored(Path(sys.argv[1]), "int8")
"""


def test_a_killed_run_leaves_nothing_that_is_taken_for_whole(tiny_checkpoint: Path, cache: Path) -> None:
    ran = subprocess.run([sys.executable, "-c", _KILLED, str(tiny_checkpoint)], check=False, cwd=_ROOT)
    assert ran.returncode == -signal.SIGKILL
    assert [path.name for path in cache.iterdir() if not path.name.startswith(".")] == []
    made = ensure_stored(tiny_checkpoint, "int8")
    assert sorted(path.name for path in cache.iterdir()) == [".lock", made.name]
    load_quantized(tiny_checkpoint, "int8")


def test_weights_are_quantised_once(tiny_checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = load_quantized(tiny_checkpoint, "int4")
    monkeypatch.setattr(build, "stream", None)  # It would be called, were they made again.
    again = load_quantized(tiny_checkpoint, "int4")
    for one, other in zip(first.buffers(), again.buffers(), strict=True):
        assert torch.equal(one, other)


def test_the_key_follows_the_content_and_not_the_place(tiny_checkpoint: Path, tmp_path: Path) -> None:
    made = ensure_stored(tiny_checkpoint, "int8")
    copy = tmp_path / "copy"
    shutil.copytree(tiny_checkpoint, copy)
    assert ensure_stored(copy, "int8") == made
    assert ensure_stored(copy, "int4") != made
    trained = save_tiny_checkpoint(tmp_path / "trained", seed=1)
    shutil.copy(tiny_checkpoint / "config.json", trained)
    assert (trained / "model.safetensors").stat().st_size == (tiny_checkpoint / "model.safetensors").stat().st_size
    assert ensure_stored(trained, "int8") != made


def test_a_damaged_store_is_made_again(tiny_checkpoint: Path) -> None:
    made = ensure_stored(tiny_checkpoint, "int8")
    file = made / "weights.safetensors"
    whole = file.read_bytes()
    file.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    load_quantized(tiny_checkpoint, "int8")
    assert file.read_bytes() == whole


def test_what_a_checkpoint_was_before_is_removed(tmp_path: Path, cache: Path) -> None:
    folder, gone = save_tiny_checkpoint(tmp_path / "one"), save_tiny_checkpoint(tmp_path / "gone", seed=3)
    old, other = ensure_stored(folder, "int8"), ensure_stored(folder, "int4")
    left = ensure_stored(gone, "int8")
    assert {path for path, _ in store.records()} == {old, other, left}
    shutil.rmtree(gone)
    save_tiny_checkpoint(folder, seed=2)
    new = ensure_stored(folder, "int8")
    assert {path for path, _ in store.records()} == {new, other}
    assert json.loads((new / "store.json").read_text())["source"] == str(folder)
