from __future__ import annotations

import pytest

from tests.infill_lsp.holes.case import COMMENT, COMPLETE, STRING, WORD, Case, action, blank, body, broken, hole, none

CASES = [
    hole("<p>$0</p>\n", "expression"),
    broken(hole('<p class="a">It is (so$0\n', "expression")),
    none("<div>$0\n</div>\n", COMPLETE),
    broken(hole("<p>some$0\n", "expression")),
    blank("<ul>\n  <li>a</li>\n  $0\n</ul>\n", "  "),
    blank("<ul>\n  <li>a</li>\n\n$0\n</ul>\n", "  "),
    blank("<br>\n$0\n<p>it's</p>\n", ""),
    body("<div>\n$0\n</div>\n", "  "),
    body('<ul class="a">\n    $0\n</ul>\n', "    "),
    action('<div id="x">$0\n</div>\n', "body", indent="  "),
    action("<div>\n  <!-- TODO -->$0\n</div>\n", "placeholder", "<div>\n  $0<!-- TODO -->$0\n</div>\n"),
    none('<a class="x $0">b</a>\n', STRING),
    none("<!-- it's $0 -->\n", COMMENT),
    none("<p>some text</p>$0\n", COMPLETE),
    none("<p>some $0text</p>\n", WORD),
    blank("<p>\n  sad :(\n  $0\n</p>\n", "  "),
    none("<a class='x $0'>b</a>\n", STRING),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: repr(case.text))
def test_holes(case: Case) -> None:
    case.check("html", parses=True)
