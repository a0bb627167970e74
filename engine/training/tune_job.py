"""Tune a checkpoint in a process of its own: `python -m engine.training.tune_job`, told by `infill-lsp tune`.

One JSON object on standard input says what to do; every line of standard output is a JSON object that says what came
of it, the last of them `result` or `error`. It is told texts and reads none of the user's files. The first SIGINT ends
the training and has the best so far judged; a second one, or SIGTERM, leaves nothing behind.
"""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from types import FrameType

import torch
from tokenizers import Tokenizer

from engine.api import EngineError
from engine.local import folder_of
from engine.training import weights
from engine.training.data import pack
from engine.training.evaluate import evaluate
from engine.training.holes import Batch, HoleSampler
from engine.training.network import Network
from engine.training.tune import Plan, fit, held_out_loss
from engine.training.tune_folder import publish, scratch_for, sizes_of, write
from engine.training.tune_split import Divided, TuneError, divide

_NUM_HOLES, _STOP_BATCHES, _SCORE_BATCHES = 50, 4, 8
# Draws of the same files that do not repeat: to learn from, to stop by, and to compare before with after by.
_LEARN_SEED, _STOP_SEED, _SCORE_SEED = 0, 1, 2
_MIN_GAIN = 0.005  # of the loss: less is noise
_MAX_LOST_SIMILARITY = 0.25  # over the root of the number of holes: about a standard error of the mean


@dataclass(frozen=True, slots=True)
class Job:
    """What to do: `base` names a checkpoint, `folder` is where the result goes, `files` are names and texts."""

    files: list[tuple[str, str]]
    base: str
    folder: str
    plan: Plan
    languages: tuple[str, ...] = ()  # the ids of the files' languages
    keep: bool = False  # also what is no gain
    threads: int | None = None


@dataclass(frozen=True, slots=True)
class Scores:
    """How good a checkpoint is on the held-out files: a loss in nats a token, and shares of single-line holes."""

    loss: float
    holes: float
    exact_match: float
    edit_similarity: float

    def beats(self, other: Scores) -> bool:
        """Whether the loss is lower by more than noise and the fills are not clearly worse."""
        gained = self.loss <= (1 - _MIN_GAIN) * other.loss
        allowed = _MAX_LOST_SIMILARITY / max(1.0, self.holes) ** 0.5
        return gained and self.edit_similarity >= other.edit_similarity - allowed


class Interrupt:
    """Counts SIGINTs: the first asks for an early end, the second raises KeyboardInterrupt."""

    def __init__(self) -> None:
        self.asked = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """Handle the signal."""
        if self.asked or number != signal.SIGINT:
            raise KeyboardInterrupt
        self.asked = True


def run(job: Job, interrupt: Interrupt) -> Iterator[dict[str, object]]:
    """Tune, yielding what there is to tell. Raises: TuneError, EngineError, OSError."""
    base, folder = folder_of(job.base), Path(job.folder)
    sizes = sizes_of(base)
    divided = divide(job.files)
    with scratch_for(folder, base) as scratch:
        counts = {"learnt": len(divided.learnt), "held_out": len(divided.held_out)}
        characters = {"characters": sum(len(file.text) for file in divided.learnt)}
        yield {"event": "files", **counts, **characters}
        fills = _fills(str(base), divided)  # First, since it says best what is wrong with a broken checkpoint.
        network, tokenizer = _network(base), Tokenizer.from_file(str(base / "tokenizer.json"))
        learnt, held_out = (pack.pack(files, tokenizer) for files in (divided.learnt, divided.held_out))
        judge = _draw(HoleSampler(held_out, tokenizer, sizes, _STOP_SEED), _STOP_BATCHES)
        score = _draw(HoleSampler(held_out, tokenizer, sizes, _SCORE_SEED), _SCORE_BATCHES)
        before = Scores(held_out_loss(network, score), **fills)
        yield {"event": "before", **asdict(before)}
        sampler = HoleSampler(learnt, tokenizer, sizes, _LEARN_SEED)
        for judgement in fit(network, sampler, judge, job.plan, lambda: interrupt.asked):
            yield {"event": "progress", **asdict(judgement)}
        write(network, base, scratch, job.languages)
        after = Scores(held_out_loss(network, score), **_fills(str(scratch), divided))
        yield {"event": "after", **asdict(after)}
        is_better = after.beats(before)
        if is_better or job.keep:
            about = {
                "base": job.base,
                "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M"),
                **counts,
                **characters,
                "steps": judgement.step,
                "before": asdict(before),
                "after": asdict(after),
            }
            publish(scratch, folder, about)
        yield {"event": "result", "better": is_better, "kept": is_better or job.keep}


def _draw(sampler: HoleSampler, count: int) -> list[Batch]:
    try:
        return [sampler.batch() for _ in range(count)]
    except ValueError as error:
        raise TuneError(f"too little code to judge by once documentation is left out ({error})") from error


def _fills(model: str, divided: Divided) -> dict[str, float]:
    scores = evaluate(model, divided.held_out, _NUM_HOLES)["all"]
    assert isinstance(scores, dict)
    return {key: scores[key] for key in ("holes", "exact_match", "edit_similarity")}


def _network(base: Path) -> Network:
    try:
        network = weights.read(base)
    except ValueError as error:
        raise TuneError(str(error)) from error
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return network.to(device, torch.bfloat16 if device.type == "cuda" else _quicker_type())


def _quicker_type() -> torch.dtype:
    """Return the type in which this CPU multiplies matrices faster: bfloat16 where its instructions know it."""
    seconds = {}
    for dtype in (torch.float32, torch.bfloat16):
        left, right = torch.ones(1024, 256, dtype=dtype), torch.ones(256, 768, dtype=dtype)
        left @ right  # The first product prepares the kernel.
        begun = perf_counter()
        for _ in range(4):
            left @ right
        seconds[dtype] = perf_counter() - begun
    return min(seconds, key=lambda dtype: seconds[dtype])


def main() -> int:
    """Do the job on standard input; return the exit status."""
    interrupt = Interrupt()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, interrupt)
    try:
        told = json.load(sys.stdin)
        job = Job(**{**told, "plan": Plan(**told["plan"])})
        if job.threads is not None:
            torch.set_num_threads(job.threads)
        for event in run(job, interrupt):
            _tell(event)
    except TuneError as error:
        return _fail("mistake", str(error))
    except EngineError as error:
        return _fail("engine", str(error))
    except BrokenPipeError:
        return 1  # Nobody listens any more.
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        return _fail("engine", f"{where}{error.strerror or error}; nothing was kept")
    except KeyboardInterrupt:
        return 130
    return 0


def _fail(kind: str, text: str) -> int:
    _tell({"event": "error", "kind": kind, "text": text})
    return 1


def _tell(event: dict[str, object]) -> None:
    print(json.dumps(event), flush=True)


if __name__ == "__main__":
    sys.exit(main())
