"""`infill-lsp doctor`: what it reports, and what it calls broken."""

from __future__ import annotations

import importlib
import json
import re
import struct
import sys
from pathlib import Path
from typing import Any

import pytest
from run_cli import run_cli

from infill_lsp import logs
from infill_lsp.cli import device_check, editor_checks, machine_checks, settings_checks
from infill_lsp.cli.checkpoint_check import check_checkpoint
from infill_lsp.trees.grammars import Grammar, grammar_of

pytestmark = pytest.mark.usefixtures("private_folders")


def report(*arguments: str, model: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Run `doctor --json`, check what always holds of its object, and return the checks by name."""
    monkeypatch.setenv("INFILL_MODEL", model)
    ran = run_cli("doctor", "--json", *arguments)
    assert ran.stderr == ""
    answer = json.loads(ran.stdout)
    checks = {check["check"]: check for check in answer["checks"]}
    assert {check["level"] for check in answer["checks"]} <= {"ok", "warning", "error"}
    failed = [check for check in answer["checks"] if check["level"] == "error"]
    assert answer["ok"] == (not failed) == (ran.status == 0)
    assert all(
        (check["advice"] is not None) == (check["level"] != "ok")
        for check in answer["checks"]
        if check["check"] != "grammars"
    )
    return checks


def write_checkpoint(folder: Path, *, num_bytes: int) -> None:
    """Write a folder that looks like a checkpoint, with weights of `num_bytes` where 16 are promised."""
    folder.mkdir()
    for name in ("config.json", "tokenizer.json"):
        (folder / name).write_text("{}")
    header = json.dumps({"weight": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}}).encode()
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + bytes(num_bytes))


def test_no_host_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    checks = report("--no-fill", model="fake:1", monkeypatch=monkeypatch)
    assert "fill" not in checks
    assert checks["engine host"]["level"] == "ok"
    assert checks["engine host"]["facts"] == {"pid": None}
    assert checks["python"]["level"] == checks["packages"]["level"] == checks["grammars"]["level"] == "ok"
    assert "pygls" in checks["packages"]["facts"]
    assert "torch" in checks["local extra"]["facts"]


def test_every_language_is_listed_with_where_its_grammar_is_from(monkeypatch: pytest.MonkeyPatch) -> None:
    found = machine_checks.check_grammars()
    assert found.facts["python"] == "tree-sitter-python"
    missing = {"kotlin": Grammar(None, problem="none is installed")}
    monkeypatch.setattr(machine_checks, "grammar_of", lambda name: missing.get(name) or grammar_of(name))
    found = machine_checks.check_grammars()
    assert (found.level, found.facts["kotlin"]) == ("ok", "none: none is installed")
    assert "by brackets and indents alone: kotlin" in found.text
    assert "'.[all]'" in (found.advice or "")


def test_a_grammar_of_the_base_install_that_is_missing_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    missing = {"go": Grammar(None, problem="none is installed")}
    monkeypatch.setattr(machine_checks, "grammar_of", lambda name: missing.get(name) or grammar_of(name))
    monkeypatch.setattr(machine_checks, "_requirements", lambda extra: iter(["pygls", "tree-sitter-go"]))
    found = machine_checks.check_grammars()
    assert (found.level, found.text) == ("error", "no working grammar for go (none is installed)")


def test_a_parser_that_may_crash_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine_checks, "unusable_parser", lambda: "tree-sitter 0.26.0 is not used")
    assert machine_checks.check_grammars().level == "error"


def test_a_real_fill_is_timed_and_the_next_report_shows_its_host(monkeypatch: pytest.MonkeyPatch) -> None:
    fill = report(model="fake:width * height", monkeypatch=monkeypatch)["fill"]
    assert fill["level"] == "ok"
    assert (fill["facts"]["passes"], fill["facts"]["model"]) == (4, "fake")
    assert fill["facts"]["fill_ms"] >= 0
    assert re.search(r"\d+ ms for 4 passes on none, after \d+\.\d s", fill["text"])
    host = report("--no-fill", model="fake:width * height", monkeypatch=monkeypatch)["engine host"]["facts"]
    assert host["pid"] > 0
    assert host["state"] == "ready"


def test_a_fill_that_shows_nothing_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    fill = report(model="fake:) (", monkeypatch=monkeypatch)["fill"]
    assert (fill["level"], "nothing to show" in fill["text"]) == ("warning", True)


def test_settings_that_cannot_be_used_are_a_warning(private_folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = private_folders / "config_home/infill-lsp"
    folder.mkdir()
    (folder / "config.toml").write_text("colour = 1\n[languages.go]\ndeadline_ms = 'soon'\n")
    found = report("--no-fill", model="fake:1", monkeypatch=monkeypatch)["settings"]
    assert found["level"] == "warning"
    assert "colour: unknown setting" in found["text"]
    assert "languages.go.deadline_ms" in found["facts"]["problems"][1]


def test_the_log_is_named_and_a_place_that_cannot_be_written_is_a_warning(private_folders: Path) -> None:
    found = settings_checks.check_log()
    assert (found.level, found.facts["path"]) == ("ok", str(logs.log_file()))
    assert str(private_folders) in found.text
    (private_folders / "state_home/infill-lsp").write_text("in the way")
    assert settings_checks.check_log().level == "warning"


def test_a_command_that_editors_cannot_find_is_a_warning(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert machine_checks.check_command().level == "warning"
    program(tmp_path, "infill-lsp", "")
    assert machine_checks.check_command().facts == {"path": str(tmp_path / "infill-lsp")}


def program(folder: Path, name: str, prints: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\ncat <<'END'\n{prints}\nEND\n")
    (folder / name).chmod(0o755)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with a Neovim on the PATH and nothing set up."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "NVIM_APPNAME", "VSCODE_EXTENSIONS"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "bin").mkdir()
    program(tmp_path / "bin", "nvim", "NVIM v0.12.1")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    return tmp_path


@pytest.mark.parametrize(
    "name",
    [
        ".config/nvim/lsp/infill_lsp.lua",
        ".config/nvim/pack/x/start/infill/lsp/infill_lsp.lua",
        ".local/share/nvim/site/pack/core/opt/infill-lsp/editors/neovim/lsp/infill_lsp.lua",
        ".local/share/nvim/lazy/infill-lsp/lsp/infill_lsp.lua",
        ".config/nvim/init.lua",
        ".config/nvim/lua/plugins/ai.lua",
    ],
)
def test_neovim_is_set_up_by_any_of_these_files(home: Path, name: str) -> None:
    (before, _) = editor_checks.check_editors()
    assert (before.level, before.facts["integration"]) == ("warning", None)
    assert str(home / ".config/nvim/init.lua") in (before.advice or "")
    (home / name).parent.mkdir(parents=True)
    (home / name).write_text("vim.lsp.enable('infill_lsp')\n")
    (after, _) = editor_checks.check_editors()
    assert (after.level, after.facts["integration"]) == ("ok", str(home / name))


def test_an_old_neovim_is_a_warning_and_none_is_not(home: Path) -> None:
    program(home / "bin", "nvim", "NVIM v0.10.9")
    assert "v0.10.9" in editor_checks.check_neovim().text
    assert editor_checks.check_neovim().level == "warning"
    (home / "bin/nvim").unlink()
    assert editor_checks.check_neovim().level == "ok"


def test_an_extension_of_vs_code_is_found_and_one_editor_that_is_set_up_is_enough(home: Path) -> None:
    assert editor_checks.check_vscode().level == "ok"
    (home / ".vscode/extensions/other.infill-9").mkdir(parents=True)
    (home / ".vscode/extensions/other.infill-9/package.json").write_text("{")
    assert [each.level for each in editor_checks.check_editors()] == ["warning", "warning"]
    extension = home / ".vscode/extensions/x.infill-lsp-1.2.3"
    extension.mkdir()
    (extension / "package.json").write_text('{"name": "infill-lsp", "version": "1.2.3"}')
    assert [each.level for each in editor_checks.check_editors()] == ["ok", "ok"]
    assert "extension 1.2.3" in editor_checks.check_vscode().text


def test_a_whole_checkpoint(tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "whole", num_bytes=16)
    assert check_checkpoint(str(tmp_path / "whole")).level == "ok"


@pytest.mark.parametrize("num_bytes", [0, 15, 17])
def test_weights_that_are_cut_off(tmp_path: Path, num_bytes: int) -> None:
    write_checkpoint(tmp_path / "cut", num_bytes=num_bytes)
    found = check_checkpoint(str(tmp_path / "cut"))
    assert found.level == "error"
    assert "model.safetensors" in found.text


@pytest.mark.parametrize(
    "content",
    [b"", bytes(8), b"version https://git-lfs", b"\x02" + bytes(7) + b"[]", b"\x02" + bytes(7) + b"{}", b"\xff" * 99],
)
def test_weights_that_are_no_weights(tmp_path: Path, content: bytes) -> None:
    write_checkpoint(tmp_path / "odd", num_bytes=16)
    (tmp_path / "odd/model.safetensors").write_bytes(content)
    assert check_checkpoint(str(tmp_path / "odd")).level == "error"


def test_a_checkpoint_without_a_tokenizer(tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "part", num_bytes=16)
    (tmp_path / "part/tokenizer.json").unlink()
    found = check_checkpoint(str(tmp_path / "part"))
    assert found.level == "error"
    assert "tokenizer.json" in found.text
    for name in ("vocab.json", "merges.txt"):
        (tmp_path / "part" / name).touch()
    assert check_checkpoint(str(tmp_path / "part")).level == "ok"


def test_a_checkpoint_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert report(model=str(tmp_path / "absent"), monkeypatch=monkeypatch)["checkpoint"]["level"] == "error"


def test_shown_as_text(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("INFILL_MODEL", str(tmp_path / "absent"))
    ran = run_cli("doctor")
    assert ran.status == 1
    assert "ok      python" in ran.stdout
    assert "error   checkpoint" in ran.stdout
    assert "ok      fill" not in ran.stdout
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
    monkeypatch.setattr(device_check, "_NVIDIA_DRIVER", folder)
    found = device_check.check_accelerator()
    assert (found.level, says in found.text) == (level, True), found
    assert (found.advice is None) == (level == "ok")


_WITH_CUDA = "__version__ = '2.9.0'\ncuda: Optional[str] = '12.8'\n"


def test_a_torch_with_cuda_and_a_driver_that_does_not_tell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    check_with_driver(tmp_path, monkeypatch, version=_WITH_CUDA, level="ok", says="torch 2.9.0 has CUDA 12.8")


def test_the_free_memory_of_every_gpu_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path, "nvidia-smi", "Card, the first, 1000, 24000\nCard 2, 9000, 24000")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    says = "Card, the first, 1,000 of 24,000 MiB free; Card 2, 9,000 of 24,000 MiB free; torch 2.9.0"
    check_with_driver(tmp_path, monkeypatch, version=_WITH_CUDA, level="ok", says=says)
    found = device_check.check_accelerator(8_000 * 2**20)
    assert (found.level, "needs some 10,400 MiB" in found.text) == ("warning", True)
    assert found.advice


@pytest.mark.parametrize("cuda", ["cuda: Optional[str] = None", "cuda = None", ""])
def test_a_torch_without_cuda_whatever_its_version_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cuda: str
) -> None:
    version = f"__version__ = '2.9.0'\n{cuda}\n"
    check_with_driver(tmp_path, monkeypatch, version=version, level="warning", says="the engine runs on the CPU")


def test_apples_gpu_is_not_promised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.system", lambda: "Darwin")
    monkeypatch.setattr("platform.machine", lambda: "arm64")
    assert "runs on the CPU" in device_check.check_accelerator().text
