"""Nothing leaves the machine: with the network cut off a real fill works, and nobody connects but to the socket."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.infill_lsp.raw_client import ROOT, RawClient
from tests.infill_lsp.sample import opened

# Loaded by every Python process that finds it: the server, and the engine host that it starts.
_GUARD = """
import os, sys
def guard(event, arguments):
    if event in ("socket.connect", "socket.bind", "socket.sendto", "socket.sendmsg"):
        address = arguments[1]
        is_local = isinstance(address, (str, bytes)) or address is None
    elif event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr", "urllib.Request"):
        address, is_local = arguments[0], False
    else:
        return
    told = f"local {os.fsdecode(address or '')}" if is_local else f"REMOTE {address}"
    os.write(record, f"{os.getpid()} {event} {told}\\n".encode())
    if not is_local:
        raise OSError("the network is cut off")
record = os.open(os.environ["GUARD_RECORD"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
os.write(record, f"{os.getpid()} guarded\\n".encode())
sys.addaudithook(guard)
"""


def guarded(folder: Path) -> dict[str, str]:
    """Make an environment in which no Python process can reach the network, and every attempt is written down."""
    (folder / "sitecustomize.py").write_text(_GUARD)
    path = os.pathsep.join([str(folder), str(ROOT)])
    return {**os.environ, "PYTHONPATH": path, "GUARD_RECORD": str(folder / "record"), "INFILL_MODEL": "fake:40 + 2"}


def test_a_fill_connects_to_nothing_but_the_hosts_socket(private_folders: Path) -> None:
    with RawClient([sys.executable, "-m", "infill_lsp"], guarded(private_folders)) as client:
        client.initialize(root=private_folders)
        assert [item["insertText"] for item in opened(client, "x = $0\n").ghost()] == ["40 + 2"]
        assert client.end() == 0
    rows = [line.split(" ", 3) for line in (private_folders / "record").read_text().splitlines()]
    attempts = [row[1:] for row in rows if row[1] != "guarded"]
    assert len({row[0] for row in rows if row[1] == "guarded"}) >= 2, "the server and the host are both watched"
    assert {row[2].rpartition(".")[2] for row in attempts if row[0] == "socket.connect"} == {"sock"}
    assert [row for row in attempts if row[1] == "REMOTE"] == []
    for _, _, address in attempts:
        assert address.startswith(str(private_folders)), address


@pytest.mark.parametrize("attempt", ["socket.create_connection(('192.0.2.1', 80), 1)", "socket.getaddrinfo('a', 80)"])
def test_the_guard_sees_who_tries(tmp_path: Path, attempt: str) -> None:
    variables = guarded(tmp_path)
    ran = subprocess.run(
        [sys.executable, "-c", f"import socket; {attempt}"], env=variables, capture_output=True, text=True, check=False
    )
    assert "the network is cut off" in ran.stderr
    assert "REMOTE" in (tmp_path / "record").read_text()
