"""`infill-lsp tune`: which files are learnt from, what a run leaves behind, how its result is chosen."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from run_cli import check_mistake, run_cli

from engine.api import FillRequest, finish
from engine.local import load
from engine.training import tokenizer as training_tokenizer
from engine.training.export import published
from engine.training.holes import Sizes
from engine.training.network import Network, Shape
from infill_lsp import checkpoints
from infill_lsp.cli.mistake import Mistake
from infill_lsp.cli.tune_files import Found, find_files
from infill_lsp.settings import settings as settings_module
from infill_lsp.settings.settings import Settings

pytestmark = pytest.mark.usefixtures("private_folders")

_SHAPE = Shape(
    vocab_size=340, hidden_size=32, intermediate_size=48, num_layers=2, num_heads=2, num_key_value_heads=1, head_dim=16
)


def part(number: int) -> str:
    """Return a file of a house style of its own."""
    return "".join(
        f"class Part{number}Of{place}:\n    def __init__(self, price):\n        self.price = price\n\n"
        f"    def total(self, count):\n        return self.price * count + {place}\n\n"
        for place in range(24)
    )


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an untrained checkpoint in the layout that training exports."""
    folder = tmp_path_factory.mktemp("base")
    torch.manual_seed(0)
    network = Network(_SHAPE).to(torch.bfloat16)
    published(network, Sizes(prefix_length=48, canvas_length=64)).save_pretrained(folder)
    training_tokenizer.train([part(0)], 340).save(str(folder / "tokenizer.json"))
    return folder


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Return a folder of a dozen files, unknown to git."""
    root = tmp_path / "shop"
    (root / "shop").mkdir(parents=True)
    for number in range(12):
        (root / f"shop/part_{number}.py").write_text(part(number))
    return root


def tune_command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "infill_lsp", "tune", *map(str, arguments)]


def kept() -> list[str]:
    """Name everything in the folder of tuned checkpoints, hidden leftovers as well."""
    folder = checkpoints.checkpoints_folder()
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


@contextmanager
def opened_files() -> Iterator[list[str]]:
    """Record the path of every file that this process opens."""
    opened: list[str] = []
    is_recording = True

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if is_recording and event == "open" and isinstance(arguments[0], str | bytes):
            opened.append(os.path.realpath(os.fsdecode(arguments[0])))

    sys.addaudithook(hook)  # It cannot be taken away again, only be silenced.
    try:
        yield opened
    finally:
        is_recording = False


def names(found: Found) -> set[str]:
    return {name for name, _ in found.files}


def test_excluded_files_are_never_opened(repository: Path, tmp_path: Path) -> None:
    for name in (".env.py", "shop/.ssh/config.py", "generated/a.py", "other/private/b.py", "plain.txt"):
        (repository / name).parent.mkdir(parents=True, exist_ok=True)
        (repository / name).write_text("token = 1\n")
    (repository / "shop/innocent.py").symlink_to("../.env.py")
    (repository / "infill.toml").write_text('exclude = ["generated"]\n')
    (repository / "other/infill.toml").write_text('exclude = ["private/*.py"]\n')
    (repository / "other/public.py").write_text("token = 1\n")
    (tmp_path / "outside.py").write_text("token = 1\n")
    (repository / "shop/outside.py").symlink_to(tmp_path / "outside.py")
    settings = settings_module.load(root=repository).settings
    with opened_files() as opened:
        found = find_files(repository, settings)
    assert names(found) == {*(f"shop/part_{number}.py" for number in range(12)), "other/public.py"}
    read = {os.path.relpath(path, repository.resolve()) for path in opened}
    assert {"shop/part_0.py", "other/public.py"} <= read
    assert not read & {".env.py", "shop/.ssh/config.py", "generated/a.py", "other/private/b.py", "../outside.py"}
    assert found.left_out["a link to outside of the repository"] == 1
    assert found.left_out["named by the setting exclude"] >= 2


def test_what_cannot_be_read_is_left_out_and_not_waited_for(repository: Path) -> None:
    os.mkfifo(repository / "pipe.py")
    (repository / "binary.py").write_bytes(b"x = 1\n\0")
    (repository / "latin.py").write_bytes("name = 'Zoë'\n".encode("latin-1"))
    (repository / "large.py").write_text("x = 1\n" * 10_000)
    (repository / "folder.py").mkdir()
    found = find_files(repository, Settings(max_file_bytes=50_000))
    assert names(found) == {f"shop/part_{number}.py" for number in range(12)}
    assert found.left_out.total() == 4


def test_what_git_ignores_and_what_others_wrote_is_left_out(repository: Path) -> None:
    for name in ("local.py", "node_modules/a/gyp.py", "new.py", ".venv/lib/a.py"):
        (repository / name).parent.mkdir(parents=True, exist_ok=True)
        (repository / name).write_text("x = 1\n")
    (repository / ".venv/pyvenv.cfg").touch()
    assert {"local.py", "new.py"} <= names(find_files(repository, Settings()))
    subprocess.run(["git", "init", "-q", repository], check=True)
    (repository / ".gitignore").write_text("local.py\n.venv\n")
    found = names(find_files(repository, Settings()))
    assert "new.py" in found
    assert not found & {"local.py", "node_modules/a/gyp.py", ".venv/lib/a.py"}


def test_a_repository_may_not_name_a_program_to_run(repository: Path, tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", repository], check=True)
    trap = tmp_path / "trap"
    trap.write_text(f"#!/bin/sh\ntouch {tmp_path}/sprung\n")
    trap.chmod(0o755)
    subprocess.run(["git", "-C", repository, "config", "core.fsmonitor", trap], check=True)
    assert names(find_files(repository, Settings()))
    assert not (tmp_path / "sprung").exists()


def test_a_repository_in_an_excluded_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / ".ssh").mkdir()
    with pytest.raises(Mistake, match=r"never sent to a model: its name matches \.ssh"):
        find_files(tmp_path / ".ssh", Settings())


def test_a_repository_is_learnt_and_the_result_is_chosen_and_removed(repository: Path, base: Path) -> None:
    ran = run_cli("tune", repository, "--model", base, "--steps", "40", "--threads", "1")
    assert (ran.status, ran.stderr) == (0, ""), ran
    assert "12 files" in ran.stdout
    assert 'model = "shop"' in ran.stdout
    assert kept() == ["shop"]

    (tuned,) = checkpoints.all_tuned()
    before, after = tuned.about["before"], tuned.about["after"]
    assert isinstance(before, dict)
    assert isinstance(after, dict)
    assert after["loss"] < 0.95 * before["loss"]
    assert f"{before['loss']:.3f}" in ran.stdout
    assert f"{after['loss']:.3f}" in ran.stdout

    chosen = settings_module.load(editor={"model": "shop"}).settings.model
    assert Path(chosen) == tuned.folder
    assert finish(
        load(chosen, device="cpu").fill(FillRequest("    def total(self, count):\n        return ", "\n"))
    ).passes

    assert "shop: " in run_cli("tune", "--list").stdout
    doctor = json.loads(run_cli("doctor", "--json", "--no-fill").stdout)
    assert [check["facts"]["names"] for check in doctor["checks"] if check["check"] == "tuned"] == [["shop"]]
    assert run_cli("tune", "--remove", "shop").status == 0
    assert kept() == []
    check_mistake("tune", "--remove", "shop", says="there is no tuned checkpoint shop")


def test_ctrl_c_ends_early_and_what_is_no_better_is_not_kept(repository: Path, base: Path) -> None:
    command = tune_command(repository, "--model", base, "--minutes", "600", "--threads", "1")
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        until(process.stdout.readline, "before")
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read()
        assert "ending early" in process.stderr.read()
    assert (process.returncode == 0) == ("Kept as shop" in rest)
    assert process.returncode in (0, 1)
    assert kept() == (["shop"] if process.returncode == 0 else [])
    assert "after " in rest


def test_a_second_ctrl_c_keeps_nothing(repository: Path, base: Path) -> None:
    command = tune_command(repository, "--model", base, "--minutes", "600", "--threads", "1", "--keep")
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        until(process.stdout.readline, "learning")
        process.send_signal(signal.SIGINT)
        until(process.stderr.readline, "ending early")
        process.send_signal(signal.SIGINT)
        assert "nothing was kept" in process.stderr.read()
    assert process.returncode == 130
    assert kept() == []


def until(next_line: Callable[[], str], beginning: str) -> None:
    """Read lines up to the one that begins so."""
    while not (line := next_line()).startswith(beginning):
        assert line, f"it ended before it said {beginning!r}"


def test_mistakes_get_one_line(repository: Path, tmp_path: Path) -> None:
    check_mistake("tune", says="tune takes a repository's PATH, --list, or --remove NAME")
    check_mistake("tune", repository, "--list", says="tune takes a repository's PATH, --list, or --remove NAME")
    check_mistake("tune", tmp_path / "absent", says="absent: no such folder")
    check_mistake("tune", repository / "shop/part_0.py", says="tune takes a repository")
    check_mistake("tune", repository, "--minutes", "nan", says="--minutes takes a number above 0")
    check_mistake("tune", repository, "--model", "fake:1", says="a scripted engine cannot be tuned")
    for name in ("../shop", "a/b", "", ".", "..", "bundled", "x" * 65, "-x"):
        assert not checkpoints.is_name(name)
    check_mistake("tune", repository, "--name", "../shop", says="is no checkpoint's name")
    check_mistake("tune", "--remove", "../shop", says="is no checkpoint's name")


def test_a_tuned_checkpoints_name_wins_over_a_folder_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "shop").mkdir()
    assert checkpoints.resolved("shop") == "shop"
    folder = checkpoints.checkpoints_folder() / "shop"
    folder.mkdir(parents=True)
    (folder / "tuned.json").write_text("odd")
    assert checkpoints.resolved("shop") == str(folder)
    assert checkpoints.resolved("./shop") == "./shop"
    assert checkpoints.resolved("bundled") == "bundled"
    assert "its tuned.json cannot be read" in run_cli("tune", "--list").stdout
