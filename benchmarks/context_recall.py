"""How much of what is missing the engine is shown: `python -m benchmarks.context_recall --sources FILE [--json OUT]`.

A statement or a function's body is taken out of a real file. Of the identifiers that stood there (three characters or
more, no words of the language), how many are in the context? Compared are plain truncation, the text right before and
after the hole, and the structured context, with the same suffix text where there is enough of it and the same budget of
estimated tokens, hole by hole. Three quarters of a budget are for what stands before the hole, and what one side leaves
over the other may use. "with others" adds up to six other files of the package as open documents, those of the same
folder first. Intervals are bootstrapped over files.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path

from benchmarks.recall_holes import Missing, drawn, missing, others, read
from infill_lsp.context.budget import Budget, estimated_tokens
from infill_lsp.context.elsewhere import Surroundings
from infill_lsp.context.names import names_in
from infill_lsp.context.neighbours import Neighbours
from infill_lsp.context.outline_memory import OutlineMemory
from infill_lsp.context.structure import Shares, structured

LANGUAGES = ("python", "javascript", "typescript", "go", "rust", "c")
BUDGETS = (512, 1_024, 4_096)
_SUFFIX_SHARE = 4
_OVER = 0.7
_MAX_CHARS_A_TOKEN = 6
_RESAMPLES = 2_000


@dataclass(slots=True)
class Cell:
    """One language, budget and set of open documents: per file, the recalls of each hole, plain and structured."""

    plain: dict[str, list[float]] = field(default_factory=dict)
    structured: dict[str, list[float]] = field(default_factory=dict)
    tokens: list[tuple[int, int]] = field(default_factory=list)  # by the bundled tokenizer, of both contexts
    estimated: list[tuple[int, int]] = field(default_factory=list)
    ms: list[float] = field(default_factory=list)


def plain_context(each: Missing, tokens: int) -> tuple[str, str]:
    """Cut the text before and after a hole to a budget, to the token."""
    before, after = each.snapshot.text[: each.hole.start], each.snapshot.text[each.hole.end :]
    wanted = min(estimated_tokens(after), tokens // _SUFFIX_SHARE)
    prefix = _fitting(lambda length: before[len(before) - length :], len(before), tokens - wanted)
    return prefix, _fitting(lambda length: after[:length], len(after), tokens - estimated_tokens(prefix))


def structured_context(each: Missing, tokens: int, around: Surroundings, shares: Shares) -> tuple[str, str]:
    """Assemble the context as the server does, with a budget of tokens alone."""
    before, after = each.snapshot.text[: each.hole.start], each.snapshot.text[each.hole.end :]
    # Of what the text before the hole leaves over, the larger part is for the text after it.
    over = tokens - tokens // _SUFFIX_SHARE - estimated_tokens(before)
    wanted = tokens // _SUFFIX_SHARE + max(int(over * _OVER), 0)
    suffix = _fitting(lambda length: after[:length], len(after), wanted)
    room = tokens - estimated_tokens(suffix)
    budget = Budget(room * _MAX_CHARS_A_TOKEN, room)
    prefix = structured(each.snapshot, each.hole, "", each.hole.end + len(suffix), budget, around, shares)
    if prefix is None:
        prefix = _fitting(lambda length: before[len(before) - length :], len(before), room)
    left = tokens - estimated_tokens(prefix)
    return prefix, _fitting(lambda length: after[:length], len(after), left)


def _fitting(part: Callable[[int], str], most: int, tokens: int) -> str:
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        if estimated_tokens(part(middle)) <= tokens:
            low = middle
        else:
            high = middle - 1
    return part(low)


def measure(
    path: Path, languages: Sequence[str], num_files: int, num_holes: int, seed: int, shares: Shares
) -> dict[tuple[str, str, int], Cell]:
    """Measure every language, budget and set of open documents."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(files("engine") / "bundled" / "tokenizer.json"))
    cells: dict[tuple[str, str, int], Cell] = {}
    for language, sources in read(path, languages).items():
        for source in drawn(sources, num_files, seed):
            open_ones, neighbours = others(source, sources, seed), Neighbours()
            for each in missing(source, num_holes, seed):
                memory = OutlineMemory()
                settings = {
                    "same file": Surroundings(memory=memory),
                    "with others": Surroundings(open_ones, {}, neighbours, memory),
                }
                for tokens in BUDGETS:
                    plain = plain_context(each, tokens)
                    for name, around in settings.items():
                        start = time.perf_counter()
                        context = structured_context(each, tokens, around, shares)
                        cell = cells.setdefault((language, name, tokens), Cell())
                        cell.ms.append((time.perf_counter() - start) * 1000)
                        cell.plain.setdefault(source.uri, []).append(_recall(each, plain))
                        cell.structured.setdefault(source.uri, []).append(_recall(each, context))
                        sums = sum(map(estimated_tokens, plain)), sum(map(estimated_tokens, context))
                        assert max(sums) <= tokens
                        cell.estimated.append(sums)
                        if len(cell.tokens) < 100:
                            cell.tokens.append((_count(tokenizer, plain), _count(tokenizer, context)))
        print(f"{language} done", file=sys.stderr)
    return cells


def _recall(each: Missing, context: tuple[str, str]) -> float:
    seen = names_in(context[0], each.snapshot.language) | names_in(context[1], each.snapshot.language)
    return len(each.names & seen) / len(each.names)


def _count(tokenizer: object, context: tuple[str, str]) -> int:
    return sum(len(tokenizer.encode(part).ids) for part in context)  # type: ignore[attr-defined]


def row(key: tuple[str, str, int], cell: Cell) -> dict[str, object]:
    """Sum a cell up: mean recalls over holes, their difference, and its interval over resampled files."""
    language, name, tokens = key
    names = sorted(cell.plain)
    sums = [(sum(cell.structured[each]) - sum(cell.plain[each]), len(cell.plain[each])) for each in names]
    chance = random.Random(0)
    means = []
    for _ in range(_RESAMPLES):
        drawn_ = chance.choices(sums, k=len(sums))
        means.append(sum(total for total, _ in drawn_) / sum(count for _, count in drawn_))
    means.sort()
    holes = sum(count for _, count in sums)
    return {
        "language": language,
        "open": name,
        "tokens": tokens,
        "files": len(names),
        "holes": holes,
        "plain": round(sum(map(sum, cell.plain.values())) / holes, 4),
        "structured": round(sum(map(sum, cell.structured.values())) / holes, 4),
        "difference": round(sum(total for total, _ in sums) / holes, 4),
        "interval": [round(means[int(0.025 * _RESAMPLES)], 4), round(means[int(0.975 * _RESAMPLES)], 4)],
        "estimated_tokens": [round(statistics.mean(each)) for each in zip(*cell.estimated, strict=True)],
        "bundled_tokens": [round(statistics.mean(each)) for each in zip(*cell.tokens, strict=True)],
        "estimate_ratio": round(
            sum(sum(each) for each in cell.estimated[: len(cell.tokens)]) / sum(sum(each) for each in cell.tokens), 3
        ),
        "median_ms": round(statistics.median(cell.ms), 2),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print a table and write the rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sources", type=Path, required=True)
    parser.add_argument("--languages", nargs="+", default=list(LANGUAGES))
    parser.add_argument("--files", type=int, default=60)
    parser.add_argument("--holes", type=int, default=3, help="of each kind and file")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--shares", type=json.loads, default={}, help="other shares of the budget, as JSON")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args(arguments)
    shares = Shares(**given.shares)
    cells = measure(given.sources, given.languages, given.files, given.holes, given.seed, shares)
    rows = [row(key, cell) for key, cell in cells.items()]
    print("language    open         tokens  files holes  plain  structured  difference  [95 %]          ms")
    for each in rows:
        low, high = each["interval"]  # type: ignore[misc]  # two numbers, as just made
        print(
            f"{each['language']:11} {each['open']:12} {each['tokens']:6} {each['files']:6} {each['holes']:5}"
            f"  {each['plain']:.3f}  {each['structured']:10.3f}  {each['difference']:+10.3f}"
            f"  [{low:+.3f} {high:+.3f}]  {each['median_ms']:6.1f}"
        )
    if given.json:
        head = {"seed": given.seed, "files": given.files, "holes_of_each_kind": given.holes}
        lines = ",\n".join(json.dumps(each) for each in rows)
        text = f'{json.dumps(head)[:-1]}, "rows": [\n{lines}\n]}}\n'
        given.json.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
