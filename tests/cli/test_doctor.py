"""`infill-lsp doctor`: what it reports, and what it calls broken."""

from __future__ import annotations

import importlib
import json
import struct
import sys
from pathlib import Path
from typing import Any

import pytest
from run_cli import run_cli

from infill_lsp.cli import machine_checks
from infill_lsp.cli.checkpoint_check import check_checkpoint

pytestmark = pytest.mark.usefixtures("private_folders")


def report(*arguments: str, model: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Run `doctor --json`, check what always holds of its object, and return the checks by name."""
    monkeypatch.setenv("INFILL_MODEL", model)
    ran = run_cli("doctor", "--json", *arguments)
    assert ran.stderr == ""
    answer = json.loads(ran.stdout)
    checks = {check["check"]: check for check in answer["checks"]}
    assert {check["level"] for check in answer["checks"]} <= {"ok", "warn", "fail"}
    failed = [check for check in answer["checks"] if check["level"] == "fail"]
    assert answer["ok"] == (not failed) == (ran.status == 0)
    assert all(check["advice"] for check in failed)
    return checks


def write_checkpoint(folder: Path, *, num_bytes: int) -> None:
    """Write a folder that looks like a checkpoint, with weights of `num_bytes` where 16 are promised."""
    folder.mkdir()
    for name in ("config.json", "tokenizer.json"):
        (folder / name).write_text("{}")
    header = json.dumps({"weight": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}}).encode()
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + bytes(num_bytes))


def test_no_host_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    checks = report(model="fake:1", monkeypatch=monkeypatch)
    assert checks["engine host"]["level"] == "ok"
    assert checks["engine host"]["facts"] == {"pid": None}
    assert checks["python"]["level"] == checks["packages"]["level"] == checks["grammars"]["level"] == "ok"
    assert "pygls" in checks["packages"]["facts"]
    assert "torch" in checks["local extra"]["facts"]


def test_load_starts_the_host_and_the_next_report_shows_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert report("--load", model="fake:1", monkeypatch=monkeypatch)["loading"]["level"] == "ok"
    facts = report(model="fake:1", monkeypatch=monkeypatch)["engine host"]["facts"]
    assert facts["pid"] > 0
    assert facts["state"] == "ready"


def test_a_whole_checkpoint(tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "whole", num_bytes=16)
    assert check_checkpoint(str(tmp_path / "whole")).level == "ok"


@pytest.mark.parametrize("num_bytes", [0, 15, 17])
def test_weights_that_are_cut_off(tmp_path: Path, num_bytes: int) -> None:
    write_checkpoint(tmp_path / "cut", num_bytes=num_bytes)
    found = check_checkpoint(str(tmp_path / "cut"))
    assert found.level == "fail"
    assert "model.safetensors" in found.text


@pytest.mark.parametrize(
    "content",
    [b"", bytes(8), b"version https://git-lfs", b"\x02" + bytes(7) + b"[]", b"\x02" + bytes(7) + b"{}", b"\xff" * 99],
)
def test_weights_that_are_no_weights(tmp_path: Path, content: bytes) -> None:
    write_checkpoint(tmp_path / "odd", num_bytes=16)
    (tmp_path / "odd/model.safetensors").write_bytes(content)
    assert check_checkpoint(str(tmp_path / "odd")).level == "fail"


def test_a_checkpoint_without_a_tokenizer(tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "part", num_bytes=16)
    (tmp_path / "part/tokenizer.json").unlink()
    found = check_checkpoint(str(tmp_path / "part"))
    assert found.level == "fail"
    assert "tokenizer.json" in found.text


def test_a_checkpoint_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert report(model=str(tmp_path / "absent"), monkeypatch=monkeypatch)["checkpoint"]["level"] == "fail"


def test_shown_as_text(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("INFILL_MODEL", str(tmp_path / "absent"))
    ran = run_cli("doctor")
    assert ran.status == 1
    assert "ok    python" in ran.stdout
    assert "fail  checkpoint" in ran.stdout
    assert "-> " in ran.stdout


def check_with_driver(folder: Path, monkeypatch: pytest.MonkeyPatch, *, version: str, level: str, says: str) -> None:
    """The accelerator on a machine with an NVIDIA driver, and a torch that must not be imported."""
    (folder / "torch").mkdir()
    (folder / "torch/__init__.py").write_text("raise AssertionError('torch was imported')")
    (folder / "torch/version.py").write_text(version)
    monkeypatch.syspath_prepend(folder)
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    importlib.invalidate_caches()
    monkeypatch.setattr("platform.system", lambda: "Linux")
    monkeypatch.setattr(machine_checks, "_NVIDIA_DRIVER", folder)
    found = machine_checks.check_accelerator()
    assert (found.level, says in found.text) == (level, True), found
    assert (found.advice is None) == (level == "ok")


def test_a_torch_with_cuda(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    version = "__version__ = '2.9.0'\ncuda: Optional[str] = '12.8'\n"
    check_with_driver(tmp_path, monkeypatch, version=version, level="ok", says="torch 2.9.0 has CUDA 12.8")


@pytest.mark.parametrize("cuda", ["cuda: Optional[str] = None", "cuda = None", ""])
def test_a_torch_without_cuda_whatever_its_version_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cuda: str
) -> None:
    version = f"__version__ = '2.9.0'\n{cuda}\n"
    check_with_driver(tmp_path, monkeypatch, version=version, level="warn", says="the engine runs on the CPU")


def test_apples_gpu_is_not_promised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.system", lambda: "Darwin")
    monkeypatch.setattr("platform.machine", lambda: "arm64")
    assert "runs on the CPU" in machine_checks.check_accelerator().text
