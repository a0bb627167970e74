"""One engine host for all of a user's editors: real servers over real stdio, real hosts with a scripted model."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import httpx
import pytest

from tests.engine.hosting import hosts_in
from tests.infill_lsp.raw_client import PATIENCE_S, ROOT, RawClient, edited
from tests.infill_lsp.sample import Sample, opened

_MODEL = "fake:40 + 2"

# Counts the hosts that were started; the fill that finds no file HELD makes it and stops before its second step.
_COUNTED_AND_HELD = """
import os, sys, threading
if "engine.host" in sys.orig_argv:
    with open(os.environ["STARTS"], "a") as starts:
        starts.write(f"{os.getpid()}\\n")
    import engine.fake
    start = engine.fake.ScriptedFiller.__init__
    def hold(step):
        if step == 2:
            try:
                os.close(os.open(os.environ["HELD"], os.O_CREAT | os.O_EXCL))
            except FileExistsError:
                return
            threading.Event().wait()
    engine.fake.ScriptedFiller.__init__ = lambda self, script: start(self, script, gate=hold)
"""


class Machine:
    """One user's machine: folders of its own, servers, and the hosts that they start."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.held, self._starts = folder / "held", folder / "starts"
        self.held.touch()
        self._starts.touch()
        (folder / "sitecustomize.py").write_text(_COUNTED_AND_HELD)
        self._variables = {
            "PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)]),
            "HELD": str(self.held),
            "STARTS": str(self._starts),
        }

    @property
    def starts(self) -> list[int]:
        """The processes of all hosts that were ever started, in order."""
        return [int(line) for line in self._starts.read_text().split()]

    @contextlib.contextmanager
    def servers(self, *models: str, idle_minutes: float = 5) -> Iterator[list[RawClient]]:
        """Servers, started together, each with its model."""
        with contextlib.ExitStack() as stack:
            clients = []
            for model in models:
                variables = {**os.environ, **self._variables, "INFILL_MODEL": model}
                clients.append(stack.enter_context(RawClient([sys.executable, "-m", "infill_lsp"], variables)))
            for client in clients:
                client.initialize(options={"drafts": True, "settings": {"idle_minutes": idle_minutes}})
            yield clients


@pytest.fixture
def machine(private_folders: Path) -> Iterator[Machine]:
    made = Machine(private_folders)
    yield made
    for process in hosts_in(private_folders):
        os.kill(process, signal.SIGKILL)


def check_answered(sample: Sample, asked: int, text: str = "40 + 2") -> None:
    """The request is answered with the model's text."""
    items = sample.client.answer(asked)["result"]["items"]
    assert [edited(sample.text, item, "utf-16") for item in items] == [sample.text.replace("\n", f"{text}\n", 1)]


def check_all_answered(samples: Sequence[Sample], text: str = "40 + 2") -> None:
    """All ask at once, and all are answered."""
    for sample, asked in [(sample, sample.ask_ghost()) for sample in samples]:
        check_answered(sample, asked, text)


def until(condition: Callable[[], bool]) -> None:
    """Poll for something that is about to become true."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def end(machine: Machine, process: int) -> None:
    """Kill a host, and see it gone."""
    os.kill(process, signal.SIGKILL)
    until(lambda: process not in hosts_in(machine.folder))


def test_ten_servers_at_once_share_one_host_however_often_they_race_for_it(machine: Machine) -> None:
    with machine.servers(*[_MODEL] * 10) as clients:
        samples = [opened(client, "x = $0\n") for client in clients]
        for num_rounds in range(1, 4):
            for index, sample in enumerate(samples):
                # Another document each time, so that nothing is answered from what was suggested before.
                uri = f"file:///project/{num_rounds}.py"
                samples[index] = opened(sample.client, f"value_{num_rounds} = $0\n", uri=uri)
            check_all_answered(samples)
            assert len(machine.starts) == num_rounds
            (host,) = hosts_in(machine.folder)
            assert host == machine.starts[-1]
            end(machine, host)


def test_a_host_that_is_killed_ten_times_while_fills_run(machine: Machine) -> None:
    with machine.servers(_MODEL, _MODEL) as clients:
        for round_ in range(10):
            machine.held.unlink()
            uri = f"file:///project/{round_}.py"
            samples = [opened(client, f"value_{round_} = $0\n", uri=uri) for client in clients]
            asked = [(sample, sample.ask_ghost()) for sample in samples]
            until(machine.held.exists)
            (host,) = hosts_in(machine.folder)
            os.kill(host, signal.SIGKILL)
            for each in asked:
                check_answered(*each)
            check_all_answered([opened(client, "after = $0\n", uri=f"{uri}i") for client in clients])
        assert len(machine.starts) == len(set(machine.starts)) == 11
        assert hosts_in(machine.folder) == machine.starts[-1:]
        for client in clients:
            assert client.end() == 0


def test_a_host_outlives_its_servers_by_its_idle_time_alone(machine: Machine) -> None:
    with machine.servers(*[_MODEL] * 3, idle_minutes=0.01) as clients:
        check_all_answered([opened(client, "x = $0\n") for client in clients])
        orderly, hung_up, killed = clients
        assert orderly.end() == 0
        assert hung_up.hang_up() == 1
        killed.process.kill()
        killed.process.wait(PATIENCE_S)
    until(lambda: not hosts_in(machine.folder))
    assert len(machine.starts) == 1
    assert not list(machine.folder.rglob("*.sock"))


def test_two_models_are_two_hosts(machine: Machine) -> None:
    with machine.servers("fake:1", "fake:2", "fake:1") as clients:
        samples = [opened(client, "x = $0\n") for client in clients]
        for sample, asked, text in [
            (sample, sample.ask_ghost(), text) for sample, text in zip(samples, "121", strict=True)
        ]:
            check_answered(sample, asked, text)
        assert len(hosts_in(machine.folder)) == len(machine.starts) == 2


def test_a_host_of_another_version_is_left_alone(machine: Machine) -> None:
    code = (
        "from engine import sockets; sockets.package_version = lambda: '0.0.1'\n"
        "import sys, engine.fake; from engine.host import main\n"
        f"path = sockets.default_socket_path({_MODEL!r})\n"
        "print(path, flush=True)\n"
        "sys.exit(main(['--model', 'fake:of another version', '--socket', str(path)]))\n"
    )
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as other:
        try:
            assert other.stdout is not None
            path = Path(other.stdout.readline().strip())
            until(path.exists)
            with machine.servers(_MODEL) as clients:
                check_all_answered([opened(client, "x = $0\n") for client in clients])
            (ours,) = machine.starts
            assert ours != other.pid
            assert other.poll() is None
            assert len(list(machine.folder.rglob("*.sock"))) == 2
        finally:
            other.kill()


def test_the_host_counts_what_users_take(machine: Machine) -> None:
    with machine.servers(_MODEL) as (client,):
        sample = opened(client, "x = $0\n")
        (item,) = client.answer(sample.ask_ghost())["result"]["items"]
        client.result("workspace/executeCommand", item["command"])
        (socket,) = machine.folder.rglob("*.sock")
        with httpx.Client(transport=httpx.HTTPTransport(uds=str(socket)), base_url="http://host") as http:
            until(lambda: 'infill_suggestions_total{verdict="accepted"} 1.0' in http.get("/metrics").text)
