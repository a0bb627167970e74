from __future__ import annotations

import pytest

from tests.infill_lsp.holes.case import COMMENT, COMPLETE, WORD, Case, blank, hole, none

CASES = [
    hole("See the [link]($0)\n", "arguments"),
    hole("One thing, $0\n", "expression"),
    hole("- $0\n", "expression"),
    hole("A list:$0\n", "expression"),
    hole("See [the manual](http://x$0\n", "arguments"),
    blank("One.\n\n$0\n\nTwo.\n", ""),
    blank("- a\n  - b\n  $0\n", "  "),
    none("<!-- it's $0 -->\n", COMMENT),
    none("It's done\n\nIt's done$0\n", COMPLETE),
    none("It's $0done\n", WORD),
    hole('It is 5" wide, $0\n', "expression"),
    blank("Sad :(\n\n$0\n", ""),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: repr(case.text))
def test_holes(case: Case) -> None:
    case.check("markdown", parses=True)
