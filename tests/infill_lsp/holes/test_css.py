from __future__ import annotations

import pytest

from tests.infill_lsp.holes.case import COMMENT, COMPLETE, STRING, WORD, Case, action, blank, body, broken, hole, none

CASES = [
    hole("a {\n  color: $0;\n}\n", "expression"),
    hole("a {\n  color: $0\n}\n", "expression"),
    hole("a {\n  color: rgb(1, $0);\n}\n", "arguments"),
    hole("a {\n  color: rgb(1, $0\n}\n", "arguments"),
    hole("a > $0 {\n}\n", "expression"),
    broken(hole("a { background: url(data:x/*y); }\nb { color: $0; }\n", "expression")),
    blank("a {\n  color: red;\n  $0\n  margin: 0;\n}\n", "  "),
    blank("a {\n  color: red;\n}\n\n$0\n\nb {\n}\n", ""),
    body("a {\n$0\n}\n", "  "),
    body("@media print {\n    $0\n}\n", "    "),
    action("a {$0\n}\n", "body", indent="  "),
    action("a {\n  /* TODO */$0\n}\n", "placeholder", "a {\n  $0/* TODO */$0\n}\n"),
    none('a { content: "x $0"; }\n', STRING),
    none("/* it's $0 */\n", COMMENT),
    none("a {\n  color: red;$0\n}\n", COMPLETE),
    none("a {\n  background-$0color: red;\n}\n", WORD),
    none("a { content: 'x $0'; }\n", STRING),
    hole("@import $0;\n", "expression"),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: repr(case.text))
def test_holes(case: Case) -> None:
    case.check("css", parses=True)
