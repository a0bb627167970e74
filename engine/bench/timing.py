"""What is timed side by side: the same holes, one run of each kind in turn, in one process.

A figure is the median over holes of a ratio, each side of which is the median of a hole's runs. Times are wall-clock
milliseconds from the request to the result, the prefix's encoding included; unless it says otherwise nothing is
remembered from before.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from engine.api import FillRequest, FurtherHole, RequestError, finish
from engine.bench import figures
from engine.bench.editor import Editor
from engine.bench.figures import Figure
from engine.bench.generate import Generate
from engine.bench.holes import Case, Pair
from engine.bench.left_to_right import decode
from engine.local import LocalFiller
from engine.models.diffusion_gemma import DiffusionGemma
from engine.seam import Seamstress

Times = dict[str, float]  # milliseconds by the name of what was run
_FIRST, _TYPED, _DIVERGING = "first", "typed through", "diverging"
_ANY_LETTERS = "xy"


@dataclass(frozen=True, slots=True)
class Rivals:
    """What fills are compared with: the published `generate()`, and the same passes one token at a time."""

    generate: Generate
    adapter: DiffusionGemma
    seamstress: Seamstress
    max_prefix_tokens: int

    def prefix_ids(self, request: FillRequest) -> list[int]:
        """Return the prefix as a fill of this request encodes it."""
        return self.seamstress.cut(request, self.max_prefix_tokens, 1).prefix_ids


class Timing:
    """Fills against their rivals; `repeats` runs of each kind on every hole. Of two holes, each is `width` tokens."""

    def __init__(self, filler: LocalFiller, editor: Editor, rivals: Rivals, repeats: int, width: int) -> None:
        self._filler, self._editor, self._rivals = filler, editor, rivals
        self._repeats, self._width = repeats, width

    def warm_up(self, case: Case) -> None:
        """Run each kind once: the first pass of a process pays for what is set up late."""
        finish(self._filler.fill(case.request))
        self._rivals.generate.run(case.request)
        decode(self._rivals.adapter, self._rivals.prefix_ids(case.request), 2)

    def single_line(self, case: Case) -> Times:
        """Time a fill of one candidate, of four, and `generate()`."""
        four = replace(case.request, num_candidates=4)
        return self._in_turn(
            {
                "one": lambda: self._cold(case.request),
                "four": lambda: self._cold(four),
                "generate": lambda: self._rivals.generate.run(case.request)[0],
            }
        )

    def long(self, case: Case) -> Times:
        """Time a fill whose length is told, and left to right as many tokens; `tokens` says how many."""
        count = self._filler.num_hole_tokens(case.request, case.gold)
        prefix_ids = self._rivals.prefix_ids(case.request)
        told = replace(case.request, exact_hole_tokens=count)
        runs = {
            "fill": lambda: self._cold(told),
            "left to right": lambda: _ms(lambda: decode(self._rivals.adapter, prefix_ids, count)),
        }
        return {**self._in_turn(runs), "tokens": float(count)}

    def keystrokes(self, case: Case) -> Times:
        """Time the first fill, and those keystrokes after it that can be made there."""
        runs = [self._keystrokes_after_fill(case) for _ in range(self._repeats)]
        return {name: statistics.median(run[name] for run in runs) for name in runs[0]}

    def pair(self, pair: Pair) -> Times:
        """Time both holes on one canvas, and one fill after the other; nothing where no canvas holds both."""
        after = pair.request.suffix.removeprefix(pair.between)
        first = replace(pair.request, max_hole_tokens=self._width)
        both = replace(first, suffix=after, further_holes=(FurtherHole(pair.between, False, self._width),))
        try:
            return self._in_turn(
                {
                    "canvas": lambda: self._cold(both),
                    "two fills": lambda: self._one_after_another(first, pair.between, after),
                }
            )
        except RequestError:  # What stands between them leaves no room.
            return {}

    def _one_after_another(self, first: FillRequest, between: str, after: str) -> float:
        self._filler.forget_prefixes()
        started = time.perf_counter()
        result = finish(self._filler.fill(first))
        text = result.candidates[0].text if result.candidates else ""
        finish(self._filler.fill(replace(first, prefix=first.prefix + text + between, suffix=after)))
        return (time.perf_counter() - started) * 1000

    def _keystrokes_after_fill(self, case: Case) -> Times:
        """Type one character after a fill: what it says, where it is shown, and what it does not say."""
        self._filler.forget_prefixes()
        started = time.perf_counter()
        result = finish(self._filler.fill(case.request))
        times = {_FIRST: (time.perf_counter() - started) * 1000}
        fill = result.candidates[0].text if result.candidates else ""
        typed = self._editor.typed_through(case.text, case.offset, fill) if fill else None
        if typed is not None:
            times[_TYPED] = _ms(typed)
        other = next(letter for letter in (*case.gold[:1], *_ANY_LETTERS) if letter != fill[:1])
        text = case.text[: case.offset] + other + case.text[case.offset :]
        request = self._editor.request(text, case.offset + 1)
        if request is not None:
            times[_DIVERGING] = _ms(lambda: finish(self._filler.fill(replace(request, warm_start=True))))
        return times

    def _cold(self, request: FillRequest) -> float:
        self._filler.forget_prefixes()
        return _ms(lambda: finish(self._filler.fill(request)))

    def _in_turn(self, runs: Mapping[str, Callable[[], float]]) -> Times:
        taken: dict[str, list[float]] = {name: [] for name in runs}
        for _ in range(self._repeats):
            for name, run in runs.items():
                taken[name].append(run())
        return {name: statistics.median(values) for name, values in taken.items()}


def single_line_figures(times: Sequence[Times]) -> list[Figure]:
    """Return what a fill gains on `generate()`, and what four candidates cost."""
    return [
        figures.median("speedup_vs_generate", _ratios(times, "generate", "one")),
        figures.median("four_candidates_ratio", _ratios(times, "four", "one")),
        figures.median("generate_ms", [each["generate"] for each in times]),
    ]


def long_figures(times: Sequence[Times]) -> list[Figure]:
    """Return what a fill of a wide hole gains on as many tokens left to right."""
    missing = "no hole nearly as wide as the widest could be drawn"
    return [
        figures.median("speedup_vs_left_to_right", _ratios(times, "left to right", "fill"), missing),
        figures.median("left_to_right_ms", [each["left to right"] for each in times], missing),
        figures.median("left_to_right_tokens", [each["tokens"] for each in times], missing),
    ]


def keystroke_figures(times: Sequence[Times]) -> list[Figure]:
    """Return what a keystroke costs beside the first fill."""
    missing = "no fill was shown that could be typed on"
    return [
        figures.median("typed_through_ratio", _ratios(times, _TYPED, _FIRST), missing),
        figures.median("diverging_ratio", _ratios(times, _DIVERGING, _FIRST), missing),
    ]


def pair_figures(times: Sequence[Times]) -> list[Figure]:
    """Return what two holes on one canvas cost beside two fills."""
    return [figures.median("two_holes_ratio", _ratios(times, "canvas", "two fills"), "no canvas holds two holes")]


def _ratios(times: Sequence[Times], one: str, other: str) -> list[float]:
    """Return the ratios of those holes on which both were run."""
    return [each[one] / each[other] for each in times if one in each and other in each]


def _ms(run: Callable[[], object]) -> float:
    started = time.perf_counter()
    run()
    return (time.perf_counter() - started) * 1000
