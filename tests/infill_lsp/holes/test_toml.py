from __future__ import annotations

import pytest

from tests.infill_lsp.holes.case import COMMENT, COMPLETE, STRING, Case, blank, hole, none

CASES = [
    hole("a = $0\n", "expression"),
    hole("a = [1, $0]\n", "expression"),
    hole("a = [\n  1,\n  $0\n]\n", "expression", indent="  "),
    hole("a = [1, 2$0\n", "expression"),
    hole("a = { b = $0 }\n", "expression"),
    hole("a = 'c:\\'\nb = $0\n", "expression"),
    blank("[a]\nb = 1\n$0\nc = 2\n", ""),
    none('a = "x $0"\n', STRING),
    none('a = """\nx $0\n"""\n', STRING),
    none("# it's $0\n", COMMENT),
    none("a = true$0\n", COMPLETE),
    blank("# it's\n$0\nb = 1\n", ""),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: repr(case.text))
def test_holes(case: Case) -> None:
    case.check("toml", parses=True)
