"""A fill's passes as one HTML page that needs nothing beside itself: a heat map of entropy, a table for each row.

Pure text: it knows blocks of cells and writes no file.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from infill_lsp.cli.trace_cells import MAX_ENTROPY, SLACK, Block, Cell, Line, color, flat, is_dark, trimmed

_STYLE = """
body { font: 14px/1.5 system-ui, sans-serif; margin: 2rem; color: #222; background: #fff; }
h1 { font-size: 1.2rem; margin: 0; } h2 { font-size: 1rem; margin: 1.5rem 0 .3rem; }
p { margin: .3rem 0; color: #555; }
.map { overflow-x: auto; padding-bottom: .5rem; }
table { border-collapse: separate; border-spacing: 2px; }
th { font: 12px ui-monospace, monospace; color: #777; font-weight: normal; text-align: right; white-space: pre; }
thead th { text-align: center; }
td { font: 12px ui-monospace, monospace; padding: 2px 4px; min-width: 1.2em; text-align: center; white-space: pre; }
td.accepted { outline: 2px solid #1a7f37; outline-offset: -1px; font-weight: bold; }
td.settled { background: #eef1f4; color: #445; }
td.known { background: #eef1f4; color: #889; font-style: italic; }
td.renoised { outline: 2px dashed #0550ae; outline-offset: -1px; }
td.suspect { text-decoration: underline wavy #cf222e; }
td.slack { opacity: .55; }
ul { list-style: none; padding: 0; display: flex; flex-wrap: wrap; gap: 1rem; }
li table { display: inline-table; }
.scale { display: inline-block; width: 12em; height: 1em; vertical-align: middle; }
"""
_SCALE_STEPS = 12


def page(name: str, caption: str, titled: Sequence[tuple[str, Block]]) -> str:
    """Return the page; `titled` are the rows of the batch with their headings, in the order they are shown."""
    maps = "\n".join(_map(title, block) for title, block in titled)
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>{escape(name)}: passes of a fill</title>
<style>{_STYLE}</style>
</head>
<body>
<h1>{escape(name)}</h1>
<p>{escape(caption)}</p>
{_legend()}
{maps}
</body>
</html>
"""


def _map(title: str, block: Block) -> str:
    lines, num_left_out = trimmed(block)
    width = max(len(line.cells) for line in lines)
    head = "".join(f"<th>{place}</th>" for place in range(1, width + 1))
    body = "\n".join(_row(line) for line in lines)
    more = f"<p>{num_left_out} more positions: slack in every pass.</p>" if num_left_out else ""
    return f"""<h2>{escape(title)}</h2>
<div class="map"><table>
<thead><tr><th></th>{head}</tr></thead>
<tbody>
{body}
</tbody>
</table></div>
{more}"""


def _row(line: Line) -> str:
    label = f"{line.step} {line.kind} {line.ms:.1f} ms"
    return f"<tr><th>{label}</th>{''.join(_cell(place, cell) for place, cell in enumerate(line.cells, 1))}</tr>"


def _cell(place: int, cell: Cell) -> str:
    names = [cell.state, *(["slack"] if cell.is_slack else []), *(["suspect"] if cell.is_suspect else [])]
    entropy = "not predicted" if cell.entropy is None else f"{cell.entropy:.3f} nats"
    about = f"position {place}: {entropy}, {', '.join(names)}"
    shade = ""
    if cell.entropy is not None:
        ground = color(cell.entropy)
        red, green, blue = ground
        shade = f' style="background:rgb({red},{green},{blue});color:{"#fff" if is_dark(ground) else "#222"}"'
    text = SLACK if cell.is_slack else escape(flat(cell.text))
    return f'<td class="{" ".join(names)}" title="{about}"{shade}>{text}</td>'


def _legend() -> str:
    stops = ", ".join(
        "rgb({},{},{})".format(*color(MAX_ENTROPY * step / _SCALE_STEPS)) for step in range(_SCALE_STEPS + 1)
    )
    samples = "".join(
        f'<li><table><tr><td class="{name}">token</td></tr></table> {what}</li>'
        for name, what in (
            ("accepted", "accepted in this pass"),
            ("settled", "accepted before"),
            ("known", "given"),
            ("renoised", "accepted before, noise again"),
            ("suspect", "suspect"),
        )
    )
    scale = f'<span class="scale" style="background:linear-gradient(to right, {stops})"></span>'
    return f"""<ul>
<li>entropy 0 {scale} {MAX_ENTROPY:g} nats</li>
{samples}
<li>{SLACK} slack: the fill has ended before</li>
</ul>"""
