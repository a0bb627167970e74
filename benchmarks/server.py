"""What the server itself costs: `python -m benchmarks.server [--json OUT] [--language ID ...] [--rounds N]`.

A real server over real stdio with the scripted engine, which takes no time. Somebody types statements at three
places of a real file of 10,000 lines and asks after each key: what that takes is what the server adds to a fill.
All is typed several times, each time into a new server, and percentiles are over all requests of all rounds.
`cpu` is the server's own computing time, of all threads, less what it takes to ask whether all is done; `wall` is what
a clock on the wall says until the answer, on a machine that may do other things too. Both are told twice. From the edit
on: request and notification are sent together, and what the edit costs belongs to the request; the bar is about this.
From the request on: the server has dealt with the edit when it is asked, as when an editor waits a while.
`keystroke_cpu_p99_ms` is of what each keystroke cost at its median over the rounds, which a busy machine moves less.
Then come the server's memory and the computing time of an idle minute, or of as long as --idle says. Linux only.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.keystroke_traces import real_file, traces
from benchmarks.server_times import Times, percentile, row
from engine.bench import machine
from infill_lsp.cli.lsp_client import LspClient

URI = "file:///bench/file"
MEMORY_BAR_MB, IDLE_BAR_MS = 100.0, 10.0
KINDS = ("typed", "typed through", "invoked", "actions")
_WITHIN_S = 60.0
_SETTLE_S = 3.0
_NUM_ROUNDS = 5
_NUM_BEGUN = 12  # statements that are begun at each place
_WAITS = 20
_NUM_ROWS = 6
_UNTOLD = ("language", "kind", "within_bar")
_SUGGESTED = "first.second(third)"
_SERVER = """
import gc
import sys
from engine.fake import ScriptedEngine
from infill_lsp.server import serve_stdio
gc.freeze()  # as the server's own start does
sys.exit(serve_stdio({"debounce_ms": 0}, lambda settings: ScriptedEngine(sys.argv[1])))
"""


class Typing:
    """Somebody who types in one file that is open in a server; if `pauses`, the server deals with each edit first."""

    def __init__(self, text: str, language: str, *, pauses: bool = False) -> None:
        command = [sys.executable, "-c", _SERVER, _SUGGESTED]
        self.client = LspClient(command, lambda method, params: None)
        hello = {
            "processId": os.getpid(),
            "rootUri": None,
            "capabilities": {"general": {"positionEncodings": ["utf-32"]}},
        }
        self.client.request("initialize", hello, within_s=_WITHIN_S)
        self.client.notify("initialized", {})
        self.text, self.version = text, 1
        self.pauses = pauses
        self.cpu_ms = self.began = 0.0
        document = {"uri": URI, "languageId": language, "version": 1, "text": text}
        self.client.notify("textDocument/didOpen", {"textDocument": document})
        self.wait_ms = 0.0

    def settle(self, settle_s: float) -> None:
        """Wait for the first parse of the file, which nobody else waits for, and measure what `wait` costs."""
        time.sleep(settle_s)
        costs = []
        for _ in range(_WAITS):
            before = _cpu_ms(self.client.process_id)
            self.wait()
            costs.append(_cpu_ms(self.client.process_id) - before)
        self.wait_ms = percentile(costs, 50)

    def key(self, start: int, end: int, new: str) -> None:
        """Replace a part of the file. What the server computes from now on belongs to the next request."""
        self.wait()
        change: dict[str, object] = {"range": {"start": self.at(start), "end": self.at(end)}, "text": new}
        self.version += 1
        self.cpu_ms, self.began = _cpu_ms(self.client.process_id), time.perf_counter()
        self._notify_change(change)
        self.text = self.text[:start] + new + self.text[end:]
        if self.pauses:
            self.wait()
            self.cpu_ms = _cpu_ms(self.client.process_id)

    def at(self, offset: int) -> dict[str, int]:
        """Return an offset's position."""
        line = self.text.count("\n", 0, offset)
        return {"line": line, "character": offset - (self.text.rfind("\n", 0, offset) + 1)}

    def ask(self, kind: str, offset: int) -> Any:
        """Ask for ghost text, explicitly or not, or for code actions."""
        at = self.at(offset)
        document = {"uri": URI}
        if kind == "actions":
            context: dict[str, object] = {"diagnostics": []}
            params = {"textDocument": document, "range": {"start": at, "end": at}, "context": context}
            self.began = time.perf_counter()  # No edit comes before these.
            return self.client.request("textDocument/codeAction", params, within_s=_WITHIN_S)
        params = {"textDocument": document, "position": at, "context": {"triggerKind": 1 if kind == "invoked" else 2}}
        if self.pauses:
            self.began = time.perf_counter()
        return self.client.request("textDocument/inlineCompletion", params, within_s=_WITHIN_S)["items"]

    def wait(self) -> None:
        """Return when the server has dealt with all that was sent."""
        self.client.request("infill/whyNoSuggestion", None, within_s=_WITHIN_S)

    def _notify_change(self, change: dict[str, object]) -> None:
        document = {"uri": URI, "version": self.version}
        self.client.notify("textDocument/didChange", {"textDocument": document, "contentChanges": [change]})


def main() -> int:
    """Measure, print what was found with each bar held or missed, and write it where asked. 1: a bar was missed."""
    arguments = _arguments()
    rows: list[dict[str, object]] = []
    for language in arguments.language:
        text = real_file(language, arguments.lines, arguments.sources)
        rows += measured(text, language, num_rounds=arguments.rounds, idle_s=arguments.idle)
        for each in rows[-_NUM_ROWS:]:
            print(_line(each), flush=True)
    if arguments.json is not None:
        about = {**machine.machine(), "python": sys.version.split()[0], "commit": machine.commit()}
        arguments.json.write_text(json.dumps({**about, "rows": rows}, indent=1) + "\n")
    return 0 if all(each["within_bar"] for each in rows) else 1


def measured(
    text: str,
    language: str,
    *,
    num_rounds: int,
    idle_s: float,
    settle_s: float = _SETTLE_S,
    num_begun: int = _NUM_BEGUN,
) -> list[dict[str, object]]:
    """Type in one file, then leave the server alone; return a row for each kind of request, memory, and idleness."""
    rounds: list[dict[str, Times]] = []
    peaks_mb: list[float] = []
    now_mb = idle_ms = 0.0
    for number in range(1, num_rounds + 1):
        times = {kind: Times() for kind in KINDS}
        # Another server for the second time: the first one remembers what it found out at these places.
        for pauses in (True, False):
            typing = Typing(text, language, pauses=pauses)
            try:
                typing.settle(settle_s)
                for trace in traces(text, language):
                    if trace.name == "statement":
                        _type_statements(typing, times, trace.edits, num_begun)
                if not pauses:
                    peak_mb, now_mb = _memory_mb(typing.client.process_id)
                    peaks_mb.append(peak_mb)
                    idle_ms = _idle_ms(typing, idle_s, settle_s) if number == num_rounds else 0.0
            finally:
                typing.client.close()
        rounds.append(times)
    about = {"language": language, "lines": text.count("\n"), "bytes": len(text.encode())}
    rows = [row(kind, [times[kind] for times in rounds]) for kind in KINDS]
    held = max(peaks_mb) <= MEMORY_BAR_MB
    rows.append({"kind": "memory", "peak_mb": max(peaks_mb), "now_mb": now_mb, "within_bar": held})
    rows.append({"kind": "idle", "cpu_ms": round(idle_ms, 2), "s": idle_s, "within_bar": idle_ms <= IDLE_BAR_MS})
    return [{**about, **each} for each in rows]


def _idle_ms(typing: Typing, idle_s: float, settle_s: float) -> float:
    """Return what the server computes while nobody asks it for anything."""
    typing.wait()
    time.sleep(settle_s)
    before = _cpu_ms(typing.client.process_id)
    time.sleep(idle_s)
    return _cpu_ms(typing.client.process_id) - before


def _type_statements(
    typing: Typing, times: dict[str, Times], edits: Sequence[tuple[int, int, str]], num_begun: int
) -> None:
    """Type a statement and ask at each key; then, in some that were begun, type what is suggested; take all back."""
    begin, end = edits[0][0], edits[-1][1] + 1
    for start, stop, new in edits:
        typing.key(start, stop, new)
        _ask(typing, times["typed"], "typed", stop + len(new))
    typing.key(begin, end, "")
    head = "".join(new for _, _, new in edits).split("=")[0] + "= "
    for number_begun in range(num_begun):
        typing.key(begin, begin, head)
        at = begin + len(head)
        _ask(typing, times["typed"], "typed", at)
        for number, character in enumerate(_SUGGESTED[:-1]):
            typing.key(at + number, at + number, character)
            _ask(typing, times["typed through"], "typed", at + number + 1)
        typing.key(at, at + len(_SUGGESTED) - 1, str(number_begun))
        typing.key(at, at + len(str(number_begun)), "-")
        _ask(typing, times["invoked"], "invoked", at + 1)
        _ask(typing, times["actions"], "actions", at + 1)
        typing.key(begin, at + 1, "")


def _ask(typing: Typing, times: Times, kind: str, offset: int) -> None:
    """Ask, and note what it took since the key before, or since that was dealt with: also what was done beside it."""
    cpu_ms, wall_ms = times.cpu_ms, times.wall_ms
    if typing.pauses:
        cpu_ms, wall_ms = times.asked_cpu_ms, times.asked_wall_ms
    answer = typing.ask(kind, offset)
    wall_ms.append((time.perf_counter() - typing.began) * 1000)
    times.num_served += bool(answer) and not typing.pauses
    typing.wait()
    now = _cpu_ms(typing.client.process_id)
    cpu_ms.append(now - typing.cpu_ms - typing.wait_ms)
    typing.cpu_ms = now


def _cpu_ms(process_id: int) -> float:
    """Return the computing time of a process so far: of all threads that still live, to the nanosecond."""
    tasks = Path(f"/proc/{process_id}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e6


def _memory_mb(process_id: int) -> tuple[float, float]:
    """Return what a process held at most and holds now."""
    lines = Path(f"/proc/{process_id}/status").read_text().splitlines()
    fields = dict(line.split(":", 1) for line in lines)
    return tuple(round(int(fields[name].split()[0]) / 1000, 1) for name in ("VmHWM", "VmRSS"))  # type: ignore[return-value]


def _line(told: dict[str, object]) -> str:
    figures = ", ".join(f"{name} {value}" for name, value in told.items() if name not in _UNTOLD)
    return f"{told['language']:<11} {told['kind']:<14} {'held' if told['within_bar'] else 'MISSED':<7} {figures}"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.server", description=__doc__)
    parser.add_argument("--json", type=Path, metavar="OUT", help="where to write the result")
    parser.add_argument("--language", nargs="+", default=["python"], metavar="ID", help="of the files to type in")
    parser.add_argument("--lines", type=int, default=10_000, help="how long the files are")
    parser.add_argument("--rounds", type=int, default=_NUM_ROUNDS, metavar="N", help="how often all is typed")
    parser.add_argument("--sources", type=Path, help="a collection as engine.training.data writes it")
    parser.add_argument("--idle", type=float, default=60.0, metavar="S", help="how long to leave the server alone")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
