from __future__ import annotations

import pytest

from tests.infill_lsp.holes.case import COMMENT, COMPLETE, STRING, Case, action, blank, body, broken, hole, none

CASES = [
    hole("a: $0\n", "expression"),
    hole("a:\n  b: $0\n", "expression"),
    hole("- $0\n", "expression"),
    hole("a: [1, $0]\n", "expression"),
    hole("a: {b: $0}\n", "expression"),
    hole("a: [1, 2$0\n", "expression"),
    hole("a: it's\nb: $0\n", "expression"),
    blank("a:\n  b: 1\n  $0\n  c: 2\n", "  "),
    blank("a:\n  - 1\n  $0\n", "  "),
    body("a: 1\nb:\n$0\n", "  "),
    body("a:\n    b: 1\nc:\n    $0\n", "    "),
    action("a: 1\nb:$0\n", "body", indent="  "),
    action("b:\n  # TODO$0\n", "placeholder", "b:\n  $0# TODO$0\n"),
    none('a: "x $0"\n', STRING),
    none("# it's $0\n", COMMENT),
    none("a: true$0\n", COMPLETE),
    none("a: 'x $0'\n", STRING),
    broken(hole("a: it's [so\nb: [1, $0\n", "expression")),
    blank("a: sad :(\n$0\nb: 1\n", ""),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: repr(case.text))
def test_holes(case: Case) -> None:
    case.check("yaml", parses=True)
