"""Traced passes as cells, as a page, as a picture and as lines: nothing is lost, and no token breaks the drawing."""

from __future__ import annotations

import io
from html.parser import HTMLParser
from pathlib import Path

import pytest
from rich.console import Console

from engine.api import Candidate, Draft, FillResult, PassTrace, RowTrace
from infill_lsp.cli.trace_cells import MAX_ENTROPY, SLACK, blocks, chosen, color, flat, trimmed
from infill_lsp.cli.trace_engine import Traced
from infill_lsp.cli.trace_page import page
from infill_lsp.cli.trace_view import TraceView
from infill_lsp.fill import Outcome
from infill_lsp.fitting.suggestion import Suggestion


def row(
    *tokens: str,
    entropy: float | None = 1.0,
    known: tuple[int, ...] = (),
    accepted: tuple[int, ...] = (),
    renoised: tuple[int, ...] = (),
    suspect: tuple[int, ...] = (),
) -> RowTrace:
    """A row; a token without text is slack."""
    slack = tuple(place for place, token in enumerate(tokens) if not token)
    return RowTrace(tokens, (entropy,) * len(tokens), known, slack, accepted, renoised, suspect)


def drafts(*passes: tuple[RowTrace, ...]) -> list[Draft]:
    """One pass after another, the first one a probe."""
    return [
        Draft(step, (), float(step), PassTrace("probe" if step == 1 else "denoise", 2.0, rows))
        for step, rows in enumerate(passes, start=1)
    ]


_LOOK = row("x", "y", "", "")
_FILL = drafts(
    (_LOOK,),
    (row("a", "b", "", "", known=(0,)), row("c", "d", "", "", known=(0,), accepted=(1,))),
    (row("a", "e", "", "", known=(0,), accepted=(1,)), row("c", "d", "", "", known=(0,), renoised=(1,), suspect=(1,))),
)


def states(line: int, block: int = 0) -> list[str]:
    return [cell.state for cell in blocks(_FILL)[block][line].cells]


def test_every_row_begins_with_the_look_it_came_from() -> None:
    first, second = blocks(_FILL)
    assert [line.text for line in first] == ["xy", "ab", "ae"]
    assert [line.text for line in second] == ["xy", "cd", "cd"]


def test_a_position_is_noise_until_it_is_accepted_and_may_be_noise_again() -> None:
    assert [states(line)[1] for line in range(3)] == ["open", "open", "accepted"]
    assert [states(line, 1)[1] for line in range(3)] == ["open", "accepted", "renoised"]
    assert states(1)[0] == "known"
    later = blocks([*_FILL, *drafts((row("a", "e", "", ""), row("c", "d", "", "")))])
    assert [block[-1].cells[1].state for block in later] == ["settled", "open"]


def test_other_rows_than_before_begin_other_blocks() -> None:
    several = (row("a"), row("b"), row("c"))
    found = blocks(drafts(several, several, several[:2]))
    assert [len(block) for block in found] == [2, 2, 2, 1, 1]


def test_a_lone_look_is_a_block_and_no_pass_is_none() -> None:
    assert [len(block) for block in blocks(drafts((_LOOK,)))] == [1]
    assert blocks([]) == []


def test_the_chosen_row_is_the_shortest_that_ends_as_the_candidate() -> None:
    found = blocks(drafts((row(" a"), row("b", " a"), row("c"))))
    assert chosen(found, "a") == 0
    assert chosen(found, "c") == 2
    assert chosen(found, "d") is None
    assert chosen(found, None) is None


def test_what_is_slack_in_every_pass_is_left_out_but_for_one_position() -> None:
    block, num_left_out = trimmed(blocks(_FILL)[0])
    assert num_left_out == 1
    assert {len(line.cells) for line in block} == {3}


def test_a_token_stays_on_its_line_and_leaves_the_terminal_alone() -> None:
    assert flat("  a\n\t\x1b[2Jé") == "␣␣a⏎⇥□[2Jé"


@pytest.mark.parametrize(("lower", "higher"), [(0.0, 0.1), (0.1, 1.0), (1.0, 8.0)])
def test_the_less_sure_the_darker(lower: float, higher: float) -> None:
    assert sum(color(lower)) > sum(color(higher))


@pytest.mark.parametrize("entropy", [-1e-6, 0.0, MAX_ENTROPY, 1e9])
def test_every_entropy_has_a_colour(entropy: float) -> None:
    assert all(0 <= part <= 255 for part in color(entropy))


class Reader(HTMLParser):
    """Collects the page's cells, and everything that would make it load or run something."""

    def __init__(self) -> None:
        super().__init__()
        self.cells: list[tuple[str, str]] = []
        self.foreign: list[str] = []
        self._open = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = dict(attrs)
        self._open = tag == "td"
        if tag == "td":
            self.cells.append((names.get("class") or "", ""))
        self.foreign += [tag] if tag in ("script", "link", "img", "iframe") else []
        self.foreign += [name for name in names if name in ("src", "href") or name.startswith("on")]

    def handle_endtag(self, tag: str) -> None:
        self._open = False

    def handle_data(self, data: str) -> None:
        if self._open:
            self.cells[-1] = (self.cells[-1][0], self.cells[-1][1] + data)


def read(text: str) -> Reader:
    reader = Reader()
    reader.feed(text)
    reader.close()
    return reader


def test_the_page_has_a_cell_for_every_position_and_pass_and_needs_nothing_else() -> None:
    reader = read(page("x.py:1:1", "3 passes", [("row 2 of 2", blocks(_FILL)[1])]))
    legend, cells = reader.cells[:5], reader.cells[5:]
    assert [text for _, text in legend] == ["token"] * 5
    assert [text for _, text in cells] == ["x", "y", SLACK, "c", "d", SLACK, "c", "d", SLACK]
    assert [name for name, _ in cells[3:]] == [
        "known",
        "accepted",
        "open slack",
        "known",
        "renoised suspect",
        "open slack",
    ]
    assert reader.foreign == []


def test_source_text_is_no_markup() -> None:
    token = "<script>alert('&amp;')</script>\""
    reader = read(page("<b>.py", "</style><script>", [("row", blocks(drafts((row(token),)))[0])]))
    assert reader.cells[-1] == ("open", token)
    assert reader.foreign == []


def test_a_picture_takes_any_token(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    from infill_lsp.cli.trace_picture import draw

    odd = row("$x^{", "\n", "漢字", "\x1b", "a_very_long_name", "", entropy=None)
    draw(tmp_path / "x.png", "$.py", "$", [("row 1", blocks(drafts((odd,), (row("a", accepted=(0,)),)))[0])])
    assert (tmp_path / "x.png").read_bytes().startswith(b"\x89PNG")


def shown(*, as_terminal: bool) -> str:
    candidates = (Candidate("cd", -1.0, 2), Candidate("ae", -2.0, 2))
    outcome = Outcome((Suggestion(0, 0, "cd", -1.0),), None, None, 3, 9.0, "bundled")
    stream = io.StringIO()
    console = Console(
        file=stream, force_terminal=as_terminal, color_system="standard" if as_terminal else None, width=99
    )
    view = TraceView(console)
    with view.open("waiting"):
        view.show(_FILL)
    view.finish(Traced(outcome, tuple(_FILL), FillResult(candidates, 3, 1.0, 9.0, "bundled")))
    return stream.getvalue()


def test_a_plain_stream_shows_noise_as_dots_and_the_candidate_that_is_shown() -> None:
    lines = shown(as_terminal=False).splitlines()
    assert lines[0] == "row 2 of 2"
    assert [line.split()[-2:] for line in lines[1:4]] == [["··", "∅×2"], ["cd", "∅×2"], ["c·", "∅×2"]]
    assert lines[4:6] == ["1. score -1.00, 2 tokens (shown)  cd", "2. score -2.00, 2 tokens  ae"]
    assert lines[6] == "3 passes of 2.0 ms (median), prefill 1.0 ms, in all 9.0 ms, bundled"


def test_a_terminal_shows_drafts_as_they_form_and_then_the_row_that_was_chosen() -> None:
    text = shown(as_terminal=True)
    assert "\x1b[1;4;32md" in text, "accepted by the pass: bold, underlined and in the colour of its entropy"
    assert text.index("e") < text.index("row 2 of 2")
