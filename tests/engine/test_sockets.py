"""The socket stands where every client of this user, model and version looks, and where nobody else can reach."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import socket
import stat
from pathlib import Path

import pytest

from engine import sockets
from engine.api import EngineUnavailable, FillRequest
from engine.client import HostClient


@pytest.fixture
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A session's runtime folder, as a login makes it."""
    folder = tmp_path / "run"
    folder.mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return folder


def check_socket_path(model: str) -> Path:
    """The path is short, stable, and in a folder of this user alone."""
    path = sockets.default_socket_path(model)
    assert path == sockets.default_socket_path(model)
    assert len(os.fsencode(path)) <= sockets.MAX_PATH_BYTES
    found = path.parent.stat()
    assert stat.S_IMODE(found.st_mode) == 0o700
    assert found.st_uid == os.geteuid()
    return path


def test_each_model_has_its_own_socket(runtime: Path) -> None:
    paths = {check_socket_path(model) for model in ("bundled", "fake:x", "fake:y", "/models/a")}
    assert len(paths) == 4


def test_a_folder_is_the_same_model_by_every_name(runtime: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(runtime)
    assert check_socket_path("model") == check_socket_path(str(runtime / "model"))
    assert check_socket_path("./x/../model") == check_socket_path("model")


def test_a_host_that_knows_other_requests_has_another_socket(runtime: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = check_socket_path("bundled")

    @dataclasses.dataclass(frozen=True)
    class NewerRequest(FillRequest):
        tone: str = ""

    monkeypatch.setattr(sockets, "FillRequest", NewerRequest)
    assert check_socket_path("bundled") != path


def test_another_version_has_another_socket(runtime: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = check_socket_path("bundled")
    monkeypatch.setattr(sockets, "package_version", lambda: "99")
    assert check_socket_path("bundled") != path


def test_a_long_or_missing_or_open_runtime_folder_is_not_used(
    runtime: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = tmp_path / ("x" * 90)
    long.mkdir(mode=0o700)
    shared = tmp_path / "shared"
    shared.mkdir()
    (shared / "infill-lsp").mkdir()
    shared.chmod(0o777)
    for folder in (str(long), str(tmp_path / "file" / "none"), str(shared), ""):
        monkeypatch.setenv("XDG_RUNTIME_DIR", folder)
        path = check_socket_path("bundled")
        assert not folder or not path.is_relative_to(folder)


@pytest.mark.parametrize("mode", [0o755, 0o770, 0o777, 0o701])
def test_a_folder_that_others_can_enter_is_refused(tmp_path: Path, mode: int) -> None:
    folder = tmp_path / "open"
    folder.mkdir()
    folder.chmod(mode)
    with pytest.raises(PermissionError, match="choose a folder that belongs to you alone"):
        sockets.make_private(folder)
    assert stat.S_IMODE(folder.stat().st_mode) == mode


def test_a_folder_whose_parent_others_can_change_is_refused(tmp_path: Path) -> None:
    parent = tmp_path / "parent"
    (parent / "mine").mkdir(parents=True, mode=0o700)
    (parent / "mine").chmod(0o700)
    parent.chmod(0o777)
    with pytest.raises(PermissionError, match="lets other users replace"):
        sockets.make_private(parent / "mine")
    parent.chmod(0o1777)
    sockets.make_private(parent / "mine")


def test_a_link_is_not_a_private_folder(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir(mode=0o700)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with pytest.raises(NotADirectoryError):
        sockets.make_private(tmp_path / "link")


def test_the_sockets_of_every_model_are_found_where_clients_look(runtime: Path) -> None:
    made = []
    for model in ("bundled", "fake:x"):
        path = check_socket_path(model)
        made.append(listening(path))
    (path.parent / "no.sock").touch()
    assert set(sockets.found_sockets()) == {check_socket_path(model) for model in ("bundled", "fake:x")}
    path.parent.chmod(0o755)
    assert sockets.found_sockets() == []
    for each in made:
        each.close()


def listening(path: Path) -> socket.socket:
    made = socket.socket(socket.AF_UNIX)
    made.bind(str(path))
    made.listen()
    return made


def test_the_process_behind_a_socket_is_known_though_it_does_not_answer(runtime: Path) -> None:
    path = check_socket_path("bundled")
    assert sockets.serving_process(path) is None
    with listening(path):
        assert sockets.serving_process(path) == os.getpid()
    assert sockets.serving_process(path) is None


def test_this_user_may_talk() -> None:
    ours, other = socket.socketpair()
    with ours, other:
        assert sockets.may_talk(ours)


def test_a_socket_of_another_user_is_not_talked_to(runtime: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = check_socket_path("bundled")
    sockets.check_own(path)
    with listening(path):
        sockets.check_own(path)
        # As if this were another user.
        monkeypatch.setattr(os, "geteuid", lambda: path.lstat().st_uid + 1)
        with pytest.raises(EngineUnavailable, match="belongs to another user"):
            sockets.check_own(path)
        with pytest.raises(EngineUnavailable, match="belongs to another user"):
            asyncio.run(HostClient(socket_path=path, start=False).fill(FillRequest("x", "")))
