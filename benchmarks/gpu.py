"""Measure a card with the true shapes of DiffusionGemma-26B and random weights: `python -m benchmarks.gpu`.

Time per pass at bf16, 8 and 4 bits beside the published `generate()`, beside the card's own floor, and beside decoding
from left to right; prefill; peak memory. Nothing is downloaded. See docs/gpu.md. Each section runs in a process of its
own and each row by itself: what fails or does not fit is a line, and the record is written after every row.
"""

from __future__ import annotations

import argparse
import json
import queue
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from benchmarks import gpu_report
from benchmarks.gpu_child import BROKEN, MARK
from benchmarks.gpu_sections import SECTIONS
from engine.bench import machine

_ROOT = Path(__file__).resolve().parents[1]
_ROW_SECONDS = {"compiled": 280.0}
_OTHER_ROWS_SECONDS = 150.0
_STARTS = 6  # of a section, each behind the row that broke it


class Run:
    """What was found so far, on disk after each row."""

    def __init__(self, about: dict[str, Any], file: Path | None) -> None:
        self.rows: list[dict[str, Any]] = []
        self.missing: list[str] = []
        self._about, self._file = about, file

    def add(self, row: dict[str, Any]) -> None:
        """Keep a row."""
        self.rows.append(row)
        print(gpu_report.line(gpu_report.with_floors(self.rows)[-1]), flush=True)
        self.write()

    def miss(self, what: str) -> None:
        """Keep why a row is missing."""
        self.missing.append(what)
        print(f"missing: {what}", flush=True)
        self.write()

    def write(self) -> None:
        """Write the record."""
        if self._file is not None:
            record = {**self._about, **gpu_report.as_json(self.rows, self.missing)}
            part = self._file.with_suffix(".part")
            part.write_text(json.dumps(record, indent=1) + "\n")
            part.replace(self._file)


def main(arguments: list[str] | None = None) -> int:
    """Measure; the exit status is 0 whether bars are held or missed, and 1 where not one row was found."""
    options = _parser().parse_args(arguments)
    ends = time.monotonic() + options.minutes * 60
    about = _about(options)
    file = options.json or _default_file(about)
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
    run = Run(about, file)
    print(json.dumps(about), flush=True)
    # Floors need the card's rates, in the same run.
    sections = dict.fromkeys(("card", *(options.only or SECTIONS)))
    for section in sections:
        if time.monotonic() > ends - min(20.0, options.minutes * 6):
            run.miss(f"{section}: no time was left")
            continue
        _section(run, section, options, ends)
    print("\n" + gpu_report.summary(run.rows, run.missing), flush=True)
    run.write()
    return 0 if run.rows else 1


def _section(run: Run, section: str, options: argparse.Namespace, ends: float) -> None:
    """Run a section's rows, starting anew behind a row that ends the process or does not end."""
    print(f"-- {section}", flush=True)
    done: list[str] = []
    for start in range(_STARTS):
        known, began, status, why = len(done), None, 0, ""
        for message in _messages(section, options, done, ends):
            if "ended" in message:
                status, why = message["ended"], message["why"]
            elif "begin" in message:
                began = message["begin"]
            else:
                name, began = message["name"], None
                if "found" not in message:
                    run.miss(f"{section}, {name}: {message.get('failed') or message['skipped']}")
                elif name not in done:  # A model that was built again is no news.
                    run.add(message["found"])
                done.append(name)
        if began is not None:
            run.miss(f"{section}, {began}: {why}")
            done.append(began)
        if status == 0 or began == "build" or time.monotonic() > ends:
            return
        if status not in (BROKEN, -signal.SIGKILL) and began is None:
            if len(done) == known:
                run.miss(f"{section}: {why}")
            return
        print(f"-- {section}, start {start + 2}: behind {done[-1] if done else 'nothing'}", flush=True)
    run.miss(f"{section}: the rest, after {_STARTS} starts")


def _messages(section: str, options: argparse.Namespace, done: list[str], ends: float) -> Iterator[dict[str, Any]]:
    """Run a section's process and yield what it says; at last `{"ended": status, "why": ...}`."""
    command = [sys.executable, "-m", "benchmarks.gpu_child", section, "--shapes", options.shapes]
    command += ["--device", options.device, "--skip", ";".join(done)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=_ROOT)
    lines: queue.Queue[str | None] = queue.Queue()

    def read() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            lines.put(line)
        lines.put(None)

    threading.Thread(target=read, daemon=True).start()
    why = ""
    while True:
        limit = min(_ROW_SECONDS.get(section, _OTHER_ROWS_SECONDS), ends - time.monotonic())
        try:
            line = lines.get(timeout=max(0.1, limit))
        except queue.Empty:
            why = "the time was over" if time.monotonic() >= ends else f"nothing for {limit:.0f} s"
            process.kill()
            break
        if line is None:
            break
        if line.startswith(MARK):
            yield json.loads(line[len(MARK) :])
    status = process.wait()
    yield {"ended": status, "why": why or f"the process ended with {status}"}


def _about(options: argparse.Namespace) -> dict[str, Any]:
    """Return where and with what it is measured. The card is asked by a process that ends: it holds no memory then."""
    code = (
        "import json, torch; from benchmarks import gpu_card; "
        f"print({MARK!r} + json.dumps(gpu_card.about(torch.device({options.device!r}, 0))))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=_ROOT)
    card = next((json.loads(line[len(MARK) :]) for line in ran.stdout.splitlines() if line.startswith(MARK)), None)
    if card is None:
        raise SystemExit(
            f"benchmarks.gpu: no {options.device} device: {(ran.stderr.strip().splitlines() or ['?'])[-1]}"
        )
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "shapes": options.shapes,
        **card,
        **machine.machine(),
        "versions": {name: _version(name) for name in ("torch", "triton", "transformers", "infill-lsp")},
        "python": sys.version.partition(" ")[0],
        "commit": machine.commit(),
    }


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _default_file(about: dict[str, Any]) -> Path | None:
    """Return where a result is kept: of a card at the true shapes only."""
    if "card" not in about or about["shapes"] != "26b":
        return None
    card = re.sub(r"[^a-z0-9]+", "-", str(about["card"]).lower()).strip("-")
    return _ROOT / "benchmarks" / "results" / f"gpu-{card}-{about['date'][:10]}.json"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.gpu", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", type=Path, metavar="OUT", help="where the record goes; else benchmarks/results/")
    parser.add_argument("--shapes", choices=("26b", "small", "tiny"), default="26b")
    parser.add_argument("--only", nargs="+", choices=SECTIONS, help="these sections, in this order, behind `card`")
    parser.add_argument("--minutes", type=float, default=9.0, help="after which the run ends with what there is")
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    return parser


if __name__ == "__main__":
    sys.exit(main())
