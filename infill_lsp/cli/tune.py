"""`infill-lsp tune`: train the checkpoint on with a user's own repository, and keep the result if it is better.

Which files are read is decided in `infill_lsp.cli.tune_files`, what is learnt in `engine.training.tune`, which runs as
a process of its own. The result is chosen by the setting `model`; `--list` and `--remove` manage what was kept.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import math
import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from engine.api import EngineError, EngineUnavailable
from engine.client import HostClient
from infill_lsp import checkpoints
from infill_lsp.cli.choices import settings_for
from infill_lsp.cli.machine_checks import LOCAL_EXTRA_ADVICE
from infill_lsp.cli.mistake import Mistake
from infill_lsp.cli.tune_files import Found, find_files
from infill_lsp.cli.tune_job import run_job
from infill_lsp.languages import language_of_path
from infill_lsp.settings.settings import user_config_path

_NEEDED = ("torch", "transformers", "safetensors", "tokenizers", "numpy")
_MAX_MINUTES = 1440.0
_NOTHING_KEPT, _INTERRUPTED = 1, 130


@dataclass(frozen=True, slots=True)
class Limits:
    """How long the training may take, and on how many CPU threads; None leaves the choice to others."""

    minutes: float
    steps: int | None = None
    threads: int | None = None


def tune_repository(path: Path, *, name: str | None, limits: Limits, model: str | None, keep: bool) -> int:
    """Tune and say what came of it; status 1 when nothing was kept. Raises Mistake, EngineError."""
    if not (math.isfinite(limits.minutes) and 0 < limits.minutes <= _MAX_MINUTES):
        raise Mistake(f"--minutes takes a number above 0 and up to {_MAX_MINUTES:g}, not {limits.minutes:g}")
    name = checkpoints.name_from(path.absolute().resolve().name) if name is None else _checked(name)
    settings = settings_for(path, model, needs_model=True)
    if settings.model.startswith("fake:"):
        raise Mistake("a scripted engine cannot be tuned; --model bundled can")
    if any(importlib.util.find_spec(package) is None for package in _NEEDED):
        raise EngineUnavailable(LOCAL_EXTRA_ADVICE)
    found = find_files(path, settings)
    _say_found(found, path)
    # A name or a folder, as seen from here: the process that tunes stands elsewhere.
    base = settings.model if settings.model == "bundled" else os.path.abspath(os.path.expanduser(settings.model))
    folder = checkpoints.checkpoints_folder() / name
    job = {
        "files": found.files,
        "languages": sorted({language.id for name, _ in found.files if (language := language_of_path(name))}),
        "base": base,
        "folder": str(folder),
        "plan": {"seconds": limits.minutes * 60, "max_steps": limits.steps},
        "keep": keep,
        "threads": limits.threads,
    }
    try:
        result = _followed(run_job(job))
    except KeyboardInterrupt:
        print("infill-lsp: ended; nothing was kept", file=sys.stderr)
        return _INTERRUPTED
    if not result["kept"]:
        print("It is not better on the held-out files, so nothing is kept (--keep keeps it all the same).")
        return _NOTHING_KEPT
    _end_host(folder)
    print(f"Kept as {name}{'' if result['better'] else ', although it is not better on the held-out files'}: {folder}")
    print(f'To use it, set this in {user_config_path()} or in your editor: model = "{name}"')
    print(f"To remove it: infill-lsp tune --remove {name}")
    return 0


def list_tuned() -> int:
    """Print one line for each tuned checkpoint."""
    tuned = checkpoints.all_tuned()
    if not tuned:
        print(f"no tuned checkpoints in {checkpoints.checkpoints_folder()}")
    for checkpoint in tuned:
        print(f"{checkpoint.name}: {_described(checkpoint.about)}")
    return 0


def remove_tuned(name: str) -> int:
    """Delete one tuned checkpoint. Raises Mistake."""
    folder = checkpoints.folder_of(_checked(name))
    if folder is None:
        raise Mistake(f"there is no tuned checkpoint {name}; infill-lsp tune --list names those there are")
    try:
        checkpoints.remove(folder)
    except OSError as error:
        raise Mistake(f"{folder} cannot be removed: {error.strerror or error}") from None
    _end_host(folder)
    print(f"removed {folder}")
    with contextlib.suppress(OSError):
        if f'"{name}"' in user_config_path().read_text(encoding="utf-8", errors="replace"):
            print(f"{user_config_path()} still names it")
    return 0


def _checked(name: str) -> str:
    if not checkpoints.is_name(name):
        raise Mistake(f"{name!r} is no checkpoint's name: it takes letters, digits, dots, dashes and underscores")
    return name


def _say_found(found: Found, path: Path) -> None:
    print(f"{len(found.files):,} files of {path}")
    for reason, count in sorted(found.left_out.items()):
        print(f"left out, never learnt from: {count:,} files ({reason})")


def _followed(events: Iterable[dict[str, object]]) -> dict[str, object]:
    """Print what a tuning tells, and return its result."""
    event: dict[str, object] = {}
    for event in events:
        match event["event"]:
            case "files":
                print(
                    f"learning from {event['learnt']:,} of them ({event['characters']:,} characters), "
                    f"{event['held_out']:,} held out"
                )
            case "before" | "after":
                print(f"{event['event']:<6} {_scored(event)}")
            case "progress":
                minutes = float(event["seconds"]) / 60  # type: ignore[arg-type]  # a number, as the job writes it
                print(f"  {minutes:5.1f} min, step {event['step']}: held-out loss {event['held_out_loss']:.3f}")
        sys.stdout.flush()
    return event


def _scored(scores: dict[str, object]) -> str:
    return (
        f"held-out loss {scores['loss']:.3f} nats a token; of {scores['holes']} held-out holes "
        f"{scores['exact_match']:.0%} filled exactly, edit similarity {scores['edit_similarity']:.2f}"
    )


def _described(about: dict[str, object]) -> str:
    """Say what `tuned.json` holds; whatever is missing or odd in it, there is a line."""
    try:
        before, after = about["before"], about["after"]
        assert isinstance(before, dict)
        assert isinstance(after, dict)
        return (
            f"{about['date']}, from {about['base']}, {about['learnt']:,} files; held-out loss {before['loss']:.3f} -> "
            f"{after['loss']:.3f}, exact {before['exact_match']:.0%} -> {after['exact_match']:.0%}"
        )
    except (KeyError, TypeError, ValueError, AssertionError):
        return "its tuned.json cannot be read"


def _end_host(folder: Path) -> None:
    """Have a running engine host let go of weights that are no longer there; the next fill starts another."""

    async def end() -> None:
        client = HostClient(str(folder), start=False)
        try:
            await client.shutdown()
        finally:
            await client.aclose()

    with contextlib.suppress(EngineError):
        asyncio.run(end())
