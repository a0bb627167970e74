"""What the server itself costs: `python -m benchmarks.server [--json OUT] [--language ID ...] [--lines N]`.

A real server with the scripted engine, which takes no time, over real stdio. Somebody types statements at three
places of a real file of 10,000 lines and asks after each key: what that takes is what the server adds to a fill.
`cpu` is the server's own computing time, of all threads, less what it takes to ask whether all is done; `wall` is what
a clock on the wall says until the answer, on a machine that may do other things too. Both are told twice. From the edit
on: request and notification are sent together, and what the edit costs belongs to the request; the bar is about this.
From the request on: the server has dealt with the edit when it is asked, as when an editor waits a while.
Then come the server's memory and the computing time of an idle minute, or of as long as --idle says. Linux only.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.keystroke_traces import real_file, traces
from engine.bench import machine
from infill_lsp.cli.lsp_client import LspClient

URI = "file:///bench/file"
REQUEST_BAR_MS, MEMORY_BAR_MB, IDLE_BAR_MS = 5.0, 100.0, 10.0
_WITHIN_S = 60.0
_SETTLE_S = 3.0
_ROUNDS = 12
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


@dataclass
class Times:
    """What requests of one kind took, in ms, and how many of them were answered with something."""

    cpu_ms: list[float] = field(default_factory=list)  # from the edit on
    wall_ms: list[float] = field(default_factory=list)
    asked_cpu_ms: list[float] = field(default_factory=list)  # from the request on
    asked_wall_ms: list[float] = field(default_factory=list)
    num_served: int = 0

    def row(self, kind: str) -> dict[str, object]:
        """Return the figures by name."""
        cpu_p99 = _percentile(self.cpu_ms, 99)
        return {
            "kind": kind,
            "requests": len(self.cpu_ms),
            "served": self.num_served,
            "cpu_p50_ms": round(_percentile(self.cpu_ms, 50), 2),
            "cpu_p99_ms": round(cpu_p99, 2),
            "wall_p50_ms": round(_percentile(self.wall_ms, 50), 2),
            "wall_p99_ms": round(_percentile(self.wall_ms, 99), 2),
            "request_cpu_p50_ms": round(_percentile(self.asked_cpu_ms, 50), 2),
            "request_cpu_p99_ms": round(_percentile(self.asked_cpu_ms, 99), 2),
            "request_wall_p50_ms": round(_percentile(self.asked_wall_ms, 50), 2),
            "request_wall_p99_ms": round(_percentile(self.asked_wall_ms, 99), 2),
            "within_bar": cpu_p99 <= REQUEST_BAR_MS,
        }


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

    def settle(self) -> None:
        """Wait for the first parse of the file, which nobody else waits for, and measure what `wait` costs."""
        time.sleep(_SETTLE_S)
        costs = []
        for _ in range(_WAITS):
            before = _cpu_ms(self.client.process_id)
            self.wait()
            costs.append(_cpu_ms(self.client.process_id) - before)
        self.wait_ms = _percentile(costs, 50)

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
        rows += measured(text, language, arguments.idle)
        for row in rows[-_NUM_ROWS:]:
            print(_line(row), flush=True)
    if arguments.json is not None:
        about = {**machine.machine(), "python": sys.version.split()[0], "commit": machine.commit()}
        arguments.json.write_text(json.dumps({**about, "rows": rows}, indent=1) + "\n")
    return 0 if all(row["within_bar"] for row in rows) else 1


def measured(text: str, language: str, idle_s: float) -> list[dict[str, object]]:
    """Type in one file, then leave the server alone; return a row for each kind of request, memory, and idleness."""
    times = {kind: Times() for kind in ("typed", "typed through", "invoked", "actions")}
    # Another server for the second time: the first one remembers what it found out at these places.
    typing = Typing(text, language, pauses=True)
    try:
        _type_at_all_places(typing, times, text, language)
    finally:
        typing.client.close()
    typing = Typing(text, language)
    try:
        _type_at_all_places(typing, times, text, language)
        peak_mb, now_mb = _memory_mb(typing.client.process_id)
        typing.wait()
        time.sleep(_SETTLE_S)
        before = _cpu_ms(typing.client.process_id)
        time.sleep(idle_s)
        idle_ms = _cpu_ms(typing.client.process_id) - before
    finally:
        typing.client.close()
    about = {"language": language, "lines": text.count("\n"), "bytes": len(text.encode())}
    rows = [each.row(kind) for kind, each in times.items()]
    rows.append({"kind": "memory", "peak_mb": peak_mb, "now_mb": now_mb, "within_bar": peak_mb <= MEMORY_BAR_MB})
    rows.append({"kind": "idle", "cpu_ms": round(idle_ms, 2), "s": idle_s, "within_bar": idle_ms <= IDLE_BAR_MS})
    return [{**about, **row} for row in rows]


def _type_at_all_places(typing: Typing, times: dict[str, Times], text: str, language: str) -> None:
    typing.settle()
    for trace in traces(text, language):
        if trace.name == "statement":
            _type_statements(typing, times, trace.edits)


def _type_statements(typing: Typing, times: dict[str, Times], edits: Sequence[tuple[int, int, str]]) -> None:
    """Type a statement and ask at each key; then, in one that was begun, type what is suggested; take all back."""
    begin, end = edits[0][0], edits[-1][1] + 1
    for start, stop, new in edits:
        typing.key(start, stop, new)
        _ask(typing, times["typed"], "typed", stop + len(new))
    typing.key(begin, end, "")
    head = "".join(new for _, _, new in edits).split("=")[0] + "= "
    for round_ in range(_ROUNDS):
        typing.key(begin, begin, head)
        at = begin + len(head)
        _ask(typing, times["typed"], "typed", at)
        for number, character in enumerate(_SUGGESTED[:-1]):
            typing.key(at + number, at + number, character)
            _ask(typing, times["typed through"], "typed", at + number + 1)
        typing.key(at, at + len(_SUGGESTED) - 1, str(round_))
        typing.key(at, at + len(str(round_)), "-")
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


def _percentile(values: Sequence[float], percent: int) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) * percent // 100, len(ordered) - 1)]


def _cpu_ms(process_id: int) -> float:
    """Return the computing time of a process so far: of all threads that still live, to the nanosecond."""
    tasks = Path(f"/proc/{process_id}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e6


def _memory_mb(process_id: int) -> tuple[float, float]:
    """Return what a process held at most and holds now."""
    lines = Path(f"/proc/{process_id}/status").read_text().splitlines()
    fields = dict(line.split(":", 1) for line in lines)
    return tuple(round(int(fields[name].split()[0]) / 1000, 1) for name in ("VmHWM", "VmRSS"))  # type: ignore[return-value]


def _line(row: dict[str, object]) -> str:
    told = [f"{name} {value}" for name, value in row.items() if name not in _UNTOLD]
    return f"{row['language']:<11} {row['kind']:<14} {'held' if row['within_bar'] else 'MISSED':<7} {', '.join(told)}"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.server", description=__doc__)
    parser.add_argument("--json", type=Path, metavar="OUT", help="where to write the result")
    parser.add_argument("--language", nargs="+", default=["python"], metavar="ID", help="of the files to type in")
    parser.add_argument("--lines", type=int, default=10_000, help="how long the files are")
    parser.add_argument("--sources", type=Path, help="a collection as engine.training.data writes it")
    parser.add_argument("--idle", type=float, default=60.0, metavar="S", help="how long to leave the server alone")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
