"""`infill-lsp download` against a hub on loopback: what comes, what goes on after a break, and what is refused."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save

from infill_lsp import checkpoints, downloads
from infill_lsp.cli import download_command, hub, models_command
from infill_lsp.cli.app import run
from infill_lsp.cli.mistake import Mistake
from infill_lsp.cli.retries import LONGEST_PAUSE_S, pause_s
from infill_lsp.settings.settings import load
from tests.cli.hub_server import HubServer

ID = "someone/tiny-Model.1"


def weights(seed: int, num: int = 3000) -> bytes:
    return save({f"w{seed}": torch.arange(num, dtype=torch.float32) + seed})


FILES = {
    "config.json": b'{"model_type": "other"}',
    "tokenizer.json": b"{}",
    "vocab.json": b"{}",
    "merges.txt": b"#version: 0.2",
    "tokenizer.py": b"never fetched",
    "README.md": b"not fetched",
    "pytorch_model.bin": b"never fetched",
    "modeling.py": b"never fetched",
    "gguf/config.json": b"never fetched",
    "LICENSE": b"terms",
    "consolidated.safetensors": weights(9),
    "model-00001-of-00002.safetensors": weights(1),
    "model-00002-of-00002.safetensors": weights(2),
    "model.safetensors.index.json": json.dumps(
        {"weight_map": {"w1": "model-00001-of-00002.safetensors", "w2": "model-00002-of-00002.safetensors"}}
    ).encode(),
}
WANTED = {name for name in FILES if b"fetched" not in FILES[name] and not name.startswith("consolidated")}
FIRST, SECOND = "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"


@pytest.fixture
def server(private_folders: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    made = HubServer(ID, FILES)
    monkeypatch.setenv("HF_ENDPOINT", made.url)
    monkeypatch.setenv("HF_HOME", str(private_folders / "hf"))
    for name in ("HF_TOKEN", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    # Read once, when the hub's client was first imported.
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "ENDPOINT", made.url)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", made.url + "/{repo_id}/resolve/{revision}/{filename}")
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(private_folders / "hf" / "token"))
    # It asks a process of its own, which a test here need not wait for each time.
    monkeypatch.setattr(download_command, "fits", lambda folder: None)
    yield made
    made.close()


def fetch(wait: Callable[[float], None] = lambda seconds: None) -> int:
    return download_command.download(ID, agreed=True, to=None, wait=wait)


def test_the_command_fetches_what_is_needed_and_the_model_is_found_without_a_network(
    server: HubServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(models_command, "fits_all", lambda folders: ["as it is"] * len(folders))
    assert run(["download", ID]) == 2
    refused = capsys.readouterr()
    assert (refused.err.count("\n"), "--yes" in refused.err) == (1, True)
    assert server.asked == []
    assert run(["download", ID, "--yes"]) == 0
    told = capsys.readouterr().out
    assert "licence: apache-2.0" in told
    assert f'model = "{ID}"' in told
    folder = downloads.place_of(ID)
    assert {path.name for path in folder.iterdir() if not path.name.startswith(".")} == WANTED | {"downloaded.json"}
    assert all((folder / name).read_bytes() == FILES[name] for name in WANTED)
    server.close()
    assert checkpoints.resolved(ID) == str(folder)
    reading = load(overrides={"model": ID})
    assert (reading.settings.model, reading.problems) == (str(folder), ())
    assert run(["download", ID]) == 0
    assert "is here already" in capsys.readouterr().out
    assert run(["models", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["models"]
    assert [row["model"] for row in rows] == ["bundled", ID]
    assert (rows[1]["kind"], rows[1]["license"], rows[1]["fits"]) == ("downloaded", "apache-2.0", "as it is")
    assert rows[1]["num_bytes"] >= sum(len(FILES[name]) for name in WANTED)
    assert run(["models"]) == 0
    assert f"{ID}: downloaded, 0.0 MB, licence apache-2.0\n    as it is\n" in capsys.readouterr().out
    assert run(["models", "--remove", ID]) == 0
    assert not folder.exists()
    assert run(["models", "--remove", ID]) == 2


def test_a_connection_that_breaks_goes_on_where_it_ended(server: HubServer) -> None:
    server.cut = {FIRST: [5000, 4000]}
    assert fetch() == 0
    assert [span for name, span in server.asked if name == FIRST] == [None, "bytes=5000-", "bytes=9000-"]
    assert downloads.found(ID) is not None


def test_a_run_that_ended_goes_on_in_the_next(server: HubServer) -> None:
    # So that the process is at an end in the middle of the second file, whatever it does.
    server.cut = {SECOND: [700]}
    code = (
        "import os, sys; from infill_lsp.cli import download_command; download_command.fits = lambda folder: None\n"
        "import httpx; whole = httpx.Client.stream; state = []\n"
        "def stream(self, method, url, **options):\n"
        f"    if url.endswith({SECOND!r}) and state: os._exit(9)\n"
        f"    state.extend([1] if url.endswith({SECOND!r}) else [])\n"
        "    return whole(self, method, url, **options)\n"
        "httpx.Client.stream = stream\n"
        f"sys.exit(download_command.download({ID!r}, agreed=True, to=None))"
    )
    ran = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert ran.returncode == 9, ran.stderr
    folder = downloads.place_of(ID)
    assert (folder / f".{SECOND}.part").stat().st_size == 700
    assert downloads.found(ID) is None
    assert checkpoints.resolved(ID) == ID
    server.asked.clear()
    assert fetch() == 0
    assert [span for name, span in server.asked if name == SECOND] == ["bytes=700-"]
    assert [name for name, _ in server.asked if name == FIRST] == []
    assert (folder / SECOND).read_bytes() == FILES[SECOND]
    assert list(folder.glob(".*.part")) == []


def test_a_server_without_ranges_sends_all_of_it_again(server: HubServer) -> None:
    server.cut, server.knows_ranges = {FIRST: [5000]}, False
    assert fetch() == 0
    assert (downloads.place_of(ID) / FIRST).read_bytes() == FILES[FIRST]


@pytest.mark.parametrize("first", [2000, 7000, 10**6])
def test_a_server_that_sends_another_part_is_asked_for_all_of_it(server: HubServer, first: int) -> None:
    server.cut, server.sends_from = {"LICENSE": [2], FIRST: [5000]}, first
    assert fetch() == 0
    assert [span for name, span in server.asked if name == FIRST] == [None, "bytes=5000-", None]
    assert (downloads.place_of(ID) / FIRST).read_bytes() == FILES[FIRST]
    assert (downloads.place_of(ID) / "LICENSE").read_bytes() == FILES["LICENSE"], "no hash is known of this one"


def test_a_part_of_another_file_is_not_taken(server: HubServer) -> None:
    server.cut, server.says_more = {"LICENSE": [2]}, 7
    assert fetch() == 0
    assert [span for name, span in server.asked if name == "LICENSE"] == [None, "bytes=2-", None]
    assert (downloads.place_of(ID) / "LICENSE").read_bytes() == FILES["LICENSE"]


def test_a_file_that_does_not_end_is_broken_off_and_thrown_away(server: HubServer, tmp_path: Path) -> None:
    server.longer = {"LICENSE": 30_000_000}
    came: list[int] = []
    with pytest.raises(hub.EngineError, match="LICENSE came damaged"):
        hub.fetch(hub.look_up(ID), hub.RemoteFile("LICENSE", 5, None), tmp_path / "LICENSE", came.append)
    assert 5 < sum(each for each in came if each > 0) < 3_000_000
    assert sum(came) == 0
    assert list(tmp_path.glob("*LICENSE*")) == []


def test_a_server_without_ranges_that_always_breaks_ends_the_download(server: HubServer) -> None:
    server.cut, server.knows_ranges = {FIRST: [5000] * 50}, False
    with pytest.raises(hub.EngineError, match=r"broke off .*; the same command goes on from there"):
        fetch()


def test_a_hub_that_is_busy_in_the_middle_of_a_file_is_asked_again_for_the_rest(server: HubServer) -> None:
    server.cut = {FIRST: [5000]}
    server.busy = {FIRST: [(429, "7"), (503, None), (500, "next year"), (502, None)]}
    waited: list[float] = []
    assert fetch(waited.append) == 0
    assert waited == [7.0, 4.0, 8.0, 16.0]
    assert [span for name, span in server.asked if name == FIRST] == [None] + ["bytes=5000-"] * 5
    assert (downloads.place_of(ID) / FIRST).read_bytes() == FILES[FIRST]


@pytest.mark.parametrize(
    ("busy", "num_waits", "says"),
    [
        ([(503, None)] * 9, 4, "the hub answers 503"),
        ([(429, "3600")], 0, "the hub answers 429, and asks to wait 60 minutes"),
        ([(404, None)], 0, "the hub answers 404"),
    ],
)
def test_a_hub_that_stays_busy_is_one_line_and_the_next_run_goes_on(
    server: HubServer, busy: list[tuple[int, str | None]], num_waits: int, says: str
) -> None:
    server.cut, server.busy = {FIRST: [5000]}, {FIRST: busy}
    waited: list[float] = []
    with pytest.raises(hub.EngineError, match=says) as failure:
        fetch(waited.append)
    assert (len(waited), len(str(failure.value).splitlines())) == (num_waits, 1)
    server.busy = {}
    server.asked.clear()
    assert fetch() == 0
    assert [span for name, span in server.asked if name == FIRST] == ["bytes=5000-"]


def test_a_hub_that_is_busy_when_a_model_is_looked_up_is_asked_again(server: HubServer) -> None:
    server.busy = {ID: [(429, "9"), (503, None)]}
    waited: list[float] = []
    assert fetch(waited.append) == 0
    assert waited == [9.0, 4.0]
    shutil.rmtree(downloads.place_of(ID))
    for busy, num_waits, says in (([(503, None)] * 9, 6, "answers 503"), ([(429, "3600")], 6, "to wait 60 minutes")):
        server.busy = {ID: list(busy)}
        with pytest.raises(hub.EngineError, match=rf"{ID} cannot be looked up \(.*{says}\); try again later"):
            fetch(waited.append)
        assert len(waited) == num_waits


@given(num_failures=st.integers(1, 5), seconds=st.integers(0, 10**6))
def test_a_hub_is_given_the_time_that_it_asks_for_and_a_growing_one_in_any_case(
    num_failures: int, seconds: int
) -> None:
    now = datetime(2026, 3, 1, 12, tzinfo=UTC)
    plain = pause_s(num_failures, None, now)
    assert plain == 2 * pause_s(num_failures - 1, None, now)
    assert plain < LONGEST_PAUSE_S
    date = format_datetime(now + timedelta(seconds=seconds), usegmt=True)
    for asked in (str(seconds), f" {seconds} ", date):
        assert pause_s(num_failures, asked, now) == max(plain, seconds)
    for nonsense in ("", "soon", "-5", "1e3", "٣"):
        assert pause_s(num_failures, nonsense, now) == plain


def test_what_changed_meanwhile_is_not_mixed_with_what_was(server: HubServer) -> None:
    server.damaged = {SECOND}
    with pytest.raises(hub.EngineError, match=f"{SECOND} came damaged"):
        fetch()
    assert downloads.found(ID) is None
    server.damaged = set()
    part = downloads.place_of(ID) / f".{SECOND}.part"
    part.write_bytes(FILES[SECOND][:100])
    server.files[SECOND] = weights(7)
    server.commit = "d" * 40
    assert fetch() == 0
    assert (downloads.place_of(ID) / SECOND).read_bytes() == weights(7)


def test_a_wrong_id_is_one_line(server: HubServer) -> None:
    with pytest.raises(Mistake, match="the hub has no model nobody/nothing"):
        download_command.download("nobody/nothing", agreed=True, to=None)
    for wrong in ("nothing", "../x/y", "a/b/c", "-a/b", "https://x/y"):
        with pytest.raises(Mistake, match="is no model's id"):
            download_command.download(wrong, agreed=True, to=None)


@pytest.mark.parametrize("status", [401, 403])
def test_a_model_that_asks_for_an_agreement_says_how_to_give_it(
    server: HubServer, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.gated = True
    with pytest.raises(Mistake, match="asks for an agreement first"):
        fetch()
    assert downloads.found(ID) is None


def test_a_hub_that_refuses_or_fails_is_one_line(server: HubServer) -> None:
    for status, match in ((401, "hf auth login"), (500, "the hub answers 500"), (403, "hf auth login")):
        server.status = status
        with pytest.raises((Mistake, hub.EngineError), match=match) as failure:
            fetch()
        assert len(str(failure.value).splitlines()) == 1


def test_a_disk_without_room_is_said_before_weights_are_fetched(
    server: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = shutil._ntuple_diskusage(10**9, 10**9, 10**6)  # type: ignore[attr-defined]
    monkeypatch.setattr(shutil, "disk_usage", lambda path: full)
    with pytest.raises(hub.EngineError, match=r"0\.0 MB are missing and .* has room for 1\.0 MB: make room"):
        fetch()
    assert not any(name.endswith(".safetensors") for name, _ in server.asked)
    assert downloads.found(ID) is None


def test_a_model_without_safetensors_is_refused(server: HubServer) -> None:
    server.files = {"config.json": b"{}", "pytorch_model.bin": b"x"}
    with pytest.raises(Mistake, match="no weights in safetensors files"):
        fetch()


def test_two_downloads_of_one_model_do_not_meet(server: HubServer) -> None:
    folder = downloads.place_of(ID)
    folder.mkdir(parents=True)
    with download_command.alone(folder), pytest.raises(Mistake, match="another download"):
        fetch()


def test_an_id_that_was_never_downloaded_is_a_problem_of_the_settings(private_folders: Path) -> None:
    reading = load(overrides={"model": "diffusiongemma"})
    assert reading.problems == (
        "model: google/diffusiongemma-26B-A4B-it is not downloaded; to fetch it: infill-lsp download diffusiongemma",
    )
    assert load(overrides={"model": "some/folder/deep"}).problems == ()


def test_a_download_that_lost_a_file_is_not_found(server: HubServer) -> None:
    assert fetch() == 0
    os.truncate(downloads.place_of(ID) / FIRST, 10)
    assert downloads.found(ID) is None
    assert fetch() == 0
    assert downloads.found(ID) is not None


def test_the_record_of_another_folder_is_read(server: HubServer, tmp_path: Path) -> None:
    assert download_command.download(ID, agreed=True, to=tmp_path / "disk") == 0
    read = downloads.read(tmp_path / "disk")
    assert read is not None
    assert (read.id, read.commit, set(read.files)) == (ID, server.commit, WANTED)
    assert downloads.found(ID) is None


def test_an_id_in_another_case_is_the_same_model(server: HubServer, capsys: pytest.CaptureFixture[str]) -> None:
    assert download_command.download(ID.upper(), agreed=True, to=None) == 0
    assert f'model = "{ID}"' in capsys.readouterr().out
    server.asked.clear()
    assert download_command.download(ID.upper(), agreed=True, to=None) == 0
    assert "is here already" in capsys.readouterr().out
    assert server.asked == []


def test_an_id_in_another_case_is_found_in_the_settings_and_removed(server: HubServer) -> None:
    assert fetch() == 0
    other = ID.title()
    assert other != ID
    reading = load(overrides={"model": other})
    assert (reading.settings.model, reading.problems) == (str(downloads.place_of(ID)), ())
    assert models_command.remove_model(other) == 0
    assert downloads.found(ID) is None
    assert load(overrides={"model": other}).problems != ()


def test_downloads_that_were_broken_off_or_put_elsewhere_are_listed(
    server: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(models_command, "fits_all", lambda folders: [None] * len(folders))
    whole, half = tmp_path / "whole", tmp_path / "one half"
    assert download_command.download(ID, agreed=True, to=whole) == 0
    server.damaged = {SECOND}
    for to in (None, half):
        with pytest.raises(hub.EngineError):
            download_command.download(ID, agreed=True, to=to)
    capsys.readouterr()

    def rows() -> list[tuple[str, str, str | None]]:
        assert run(["models", "--json"]) == 0
        listed = json.loads(capsys.readouterr().out)["models"][1:]
        assert all(row["num_bytes"] >= len(FILES[FIRST]) for row in listed)
        return [(row["model"], row["kind"], row["goes_on"]) for row in listed]

    begun = f"infill-lsp download {ID}"
    assert rows() == [
        (str(whole), "downloaded", None),
        (ID, "broken off", begun),
        (ID, "broken off", f"{begun} --to '{half}'"),
    ]
    assert run(["models"]) == 0
    assert f"    {begun} --to '{half}'\n" in capsys.readouterr().out
    server.damaged = set()
    assert run(["models", "--remove", str(whole)]) == 0
    assert f"removed {ID}, 0.0 MB, from {whole}\n" in capsys.readouterr().out
    assert download_command.download(ID, agreed=True, to=half) == 0
    assert fetch() == 0
    capsys.readouterr()
    assert rows() == [(ID, "downloaded", None), (str(half), "downloaded", None)]


def test_a_folder_of_the_users_is_left_alone(server: HubServer, tmp_path: Path) -> None:
    (tmp_path / "LICENSE").write_text("mine")
    with pytest.raises(Mistake, match="holds other files; name an empty or a new folder"):
        download_command.download(ID, agreed=True, to=tmp_path)
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir() if path.is_file()] == [("LICENSE", "mine")]
    disk = tmp_path / "disk"
    assert download_command.download(ID, agreed=True, to=disk) == 0
    server.asked.clear()
    assert download_command.download(ID, agreed=True, to=disk) == 0
    assert server.asked == [], "what is whole is not fetched twice"
    server.id = "someone/other"
    with pytest.raises(Mistake, match=f"holds {ID}; name"):
        download_command.download("someone/other", agreed=True, to=disk)
    assert downloads.read(disk) is not None
    (disk / downloads.RECORD_FILE).rename(disk / downloads.STATE_FILE)
    with pytest.raises(Mistake, match=f"holds {ID}; name"):  # Half of one model is no place for another, either.
        download_command.download("someone/other", agreed=True, to=disk)


def test_what_a_broken_download_left_can_be_removed(server: HubServer) -> None:
    server.damaged = {SECOND}
    with pytest.raises(hub.EngineError):
        fetch()
    folder = downloads.place_of(ID)
    with download_command.alone(folder), pytest.raises(Mistake, match="is being downloaded"):
        models_command.remove_model(ID)
    assert models_command.remove_model(ID) == 0
    assert not folder.exists()


def test_a_download_that_is_under_way_is_told_from_one_that_was_broken_off(
    server: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(models_command, "fits_all", lambda folders: [None] * len(folders))
    elsewhere, begun = tmp_path / "disk", f"infill-lsp download {ID}"
    server.damaged = {SECOND}
    for to in (None, elsewhere):
        with pytest.raises(hub.EngineError):
            download_command.download(ID, agreed=True, to=to)
    for folder, model, command in (
        (downloads.place_of(ID), ID, begun),
        (elsewhere, elsewhere, f"{begun} --to {elsewhere}"),
    ):
        assert load(overrides={"model": str(model)}).problems == (
            f"model: the download of {ID} was broken off; to go on: {command}",
        )
        with download_command.alone(folder):
            assert load(overrides={"model": str(model)}).problems == (f"model: {ID} is still being downloaded",)
            capsys.readouterr()
            assert run(["models"]) == 0
            told = capsys.readouterr().out
            assert told.count("being downloaded") == 1
            assert told.count(" MB of 0.0 MB") == 2
            assert told.count(f"    {begun}") == 1, "only the other one was broken off"
            assert downloads.num_bytes_wanted(folder) == sum(len(FILES[name]) for name in WANTED)
            with pytest.raises(Mistake, match=f"{folder} is being downloaded; end that first"):
                models_command.remove_model(str(model))
        assert not downloads.is_under_way(folder)


def test_what_was_downloaded_elsewhere_is_removed_by_its_id_or_folder_and_other_files_stay(
    server: HubServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        assert download_command.download(ID, agreed=True, to=folder) == 0
    (second / "notes.txt").write_text("mine")
    outside = tmp_path / "outside"
    outside.write_text("mine")
    record = json.loads((second / downloads.RECORD_FILE).read_text())
    record["files"]["../outside"] = 4
    (second / downloads.RECORD_FILE).write_text(json.dumps(record))
    with pytest.raises(Mistake, match=f"{ID} is in {first}, {second}; name the folder"):
        models_command.remove_model(ID)
    assert models_command.remove_model(f"{first}/") == 0
    assert not first.exists()
    capsys.readouterr()
    assert models_command.remove_model(ID.upper()) == 0
    assert f"other files stay in {second}" in capsys.readouterr().out
    assert [path.name for path in second.iterdir()] == ["notes.txt"]
    assert outside.read_text() == "mine"
    assert downloads.all_chosen() == set()
    for gone in (ID, str(second)):
        with pytest.raises(Mistake, match="was not downloaded"):
            models_command.remove_model(gone)


def test_a_licence_moves_no_cursor(server: HubServer, capsys: pytest.CaptureFixture[str]) -> None:
    server.license = "mit\x1b[2K\nand more"
    assert fetch() == 0
    assert "licence: mit[2K and more\n" in capsys.readouterr().out
