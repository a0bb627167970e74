"""Cut statements and bodies out of real files and see whether the hole is the cut: `python -m benchmarks.cuts`.

Files are drawn by seed: 1 to 60 kB, parsing without faults. Statements are the named children of blocks and of the file
itself, comments excluded; they are cut one at a time.

- single-line: a statement that is alone on its line; its indent stays, and the caret behind it.
- block: a body on lines of its own; a blank line with its indent stays, and the caret behind it.
- single-line, no indent: as the first, the indent gone too, so that it must be predicted.
- half a statement: from the middle on, behind an opening bracket, an operator, a comma, a dot or a `=`.
- broken code: as the first two, where the closing brace of the function around is missing too; where indents make
  blocks, a closing bracket two to four lines above.
- block, no blank line: the body's lines are gone, and a code action is asked for at the header's end.

A hole is right if it lies at the caret, takes only blanks, has the kind and the indent of what was cut, and the true
text, shaped as any fill is, gives the file back, byte for byte. Cuts that no editor could mend are left out and
counted: other text or blanks behind a statement, bodies that share a line with their brackets, blanks at line ends in
a body, a body that is only a comment or begins with a directive at no indent; a blank line below a header, for the
last kind.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from itertools import chain
from pathlib import Path
from typing import TypeVar

from rich.console import Console
from rich.progress import track

from benchmarks import cut_report
from benchmarks.cut_failures import Failure, sample, told
from benchmarks.cut_judge import judge
from benchmarks.cut_kinds import File, LeftOut
from benchmarks.cut_nodes import nodes_of
from benchmarks.cut_report import Outcome
from benchmarks.cut_sources import Source, collected, installed
from engine.bench import machine
from infill_lsp.languages import language_for, languages
from infill_lsp.trees.syntax import has_grammar

_LANGUAGES = "python,javascript,typescript,go,rust,c"
_WIDTH = 150
_Item = TypeVar("_Item")


@dataclass(slots=True)
class Found:
    """What the cuts of one file gave."""

    language: str
    outcomes: list[Outcome]
    failures: list[Failure]
    left_out: Counter[LeftOut]


def cut_file(numbered: tuple[int, Source], per_file: int | None, others: int | None, seed: int) -> Found:
    """Make and judge the cuts of one file: of every statement and body, or of as many as `per_file` of each.

    The rows without a bar are cut at as many as `others` of these.
    """
    number, source = numbered
    nodes = nodes_of(source.text, source.language)
    file = File(source.text, language_for(source.language), nodes)
    found = Found(source.language, [], [], file.left_out)
    statements = _drawn(nodes.statements, per_file, seed, source.name)
    bodies = _drawn(nodes.bodies, per_file, seed, source.name)
    for_others = {*_drawn(statements, others, seed, source.name), *_drawn(bodies, others, seed, source.name)}
    cuts = chain(
        *(file.statement_cuts(statement, statement in for_others) for statement in statements),
        *(file.body_cuts(body, body in for_others) for body in bodies),
    )
    for cut in cuts:
        verdict = judge(cut, source.language)
        found.outcomes.append(Outcome(source.language, cut.row, number, verdict.wrong, verdict.ms))
        if verdict.wrong:
            found.failures.append(told(source, cut, verdict))
    return found


def measure(
    sources: Sequence[Source], per_file: int | None, others: int | None, seed: int, jobs: int, console: Console
) -> Iterator[Found]:
    """Cut every file, in as many processes as asked for."""
    job = partial(cut_file, per_file=per_file, others=others, seed=seed)
    numbered = list(enumerate(sources))
    if jobs == 1:
        yield from track(map(job, numbered), "cutting", len(numbered), console=console, transient=True)
        return
    with ProcessPoolExecutor(jobs) as pool:
        results = pool.map(job, numbered, chunksize=4)
        yield from track(results, "cutting", len(numbered), console=console, transient=True)


def main(arguments: list[str] | None = None) -> int:
    """Cut, print the table, and write what was asked for."""
    options = _parser().parse_args(arguments)
    notes = Console(stderr=True)
    wanted = [language for language in options.languages.split(",") if _is_known(language, notes)]
    if options.installed:
        sources = list(installed(wanted, options.files, options.seed))
    else:
        sources = list(collected(options.sources, wanted, options.files, options.seed))
    outcomes: list[Outcome] = []
    failures: list[Failure] = []
    left_out: dict[str, Counter[LeftOut]] = {}
    for found in measure(sources, options.per_file, options.others, options.seed, options.jobs, notes):
        outcomes += found.outcomes
        failures += found.failures
        left_out.setdefault(found.language, Counter()).update(found.left_out)
    rows = cut_report.rows(outcomes, left_out, options.seed)
    for failure in sample(failures, options.failures, options.row, options.wrong, options.seed):
        print(f"--- {failure.language}, {failure.row}: {failure.wrong}\n{failure.text}")
    Console(width=max(Console().width, _WIDTH)).print(cut_report.table(rows))
    if options.json:
        asked = {name: getattr(options, name) for name in ("installed", "seed", "files", "per_file", "others", "jobs")}
        record = {"machine": _machine(), **asked, "rows": cut_report.as_json(rows)}
        options.json.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
        notes.print(f"wrote {options.json}", soft_wrap=True)
    return 0


def _is_known(language: str, notes: Console) -> bool:
    ready = has_grammar(language) and bool(language_for(language).block_kinds)
    if not ready:
        notes.print(f"{language}: no grammar or no table of its blocks, so left out", markup=False)
    return ready


def _drawn(items: list[_Item], count: int | None, seed: int, name: str) -> list[_Item]:
    if count is None or len(items) <= count:
        return items
    return [items[index] for index in sorted(random.Random(f"{seed} {name}").sample(range(len(items)), count))]


def _machine() -> dict[str, object]:
    versions = {}
    modules = {language.grammar for language in languages() if language.grammar}
    for name in ("infill-lsp", "tree-sitter", *sorted(module.replace("_", "-") for module in modules)):
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    return {**machine.machine(), "python": sys.version.split()[0], **versions, "commit": machine.commit()}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.cuts", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    origin = parser.add_mutually_exclusive_group(required=True)
    origin.add_argument("--sources", type=Path, help="a file that `python -m engine.training.data` wrote")
    origin.add_argument("--installed", action="store_true", help="files of installed packages and system headers")
    parser.add_argument("--languages", default=_LANGUAGES, help="comma-separated language ids")
    parser.add_argument("--files", type=int, default=200, help="of each language")
    parser.add_argument("--per-file", type=int, metavar="N", help="at most N statements and N bodies of a file")
    parser.add_argument("--others", type=int, metavar="N", help="at most N of these for the rows without a bar")
    parser.add_argument("--seed", type=int, default=1, help="of drawing and resampling")
    parser.add_argument("--jobs", type=int, default=1, help="processes; more than one disturbs the milliseconds")
    parser.add_argument("--json", type=Path, metavar="PATH", help="also write the rows")
    parser.add_argument(
        "--failures", type=int, default=0, metavar="N", help="print N failures of each row, text around"
    )
    parser.add_argument("--row", default="", help="of these, only rows whose name has this, such as `block`")
    parser.add_argument("--wrong", default="", help="of these, only failures whose kind has this, such as `indent`")
    return parser


if __name__ == "__main__":
    sys.exit(main())
