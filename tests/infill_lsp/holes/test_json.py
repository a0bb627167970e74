from __future__ import annotations

import pytest

from tests.infill_lsp.holes.case import (
    COMMENT,
    COMPLETE,
    STRING,
    WORD,
    Case,
    hole,
    none,
)

CASES = [
    hole('{"a": $0}\n', "expression"),
    hole('{"a": $0, "b": 1}\n', "expression"),
    hole('{"a": [1, $0]}\n', "expression"),
    hole('{\n  "a": 1,\n  $0\n}\n', "expression", indent="  "),
    hole("{\n  $0\n}\n", "expression", indent="  "),
    hole("[\n  [1, 2],\n  $0\n]\n", "expression", indent="  "),
    hole('{"a": [1, 2$0\n', "expression"),
    none('{"a $0": 1}\n', STRING),
    none('{"a": "it\'s $0"}\n', STRING),
    none("{\n  // it's $0\n}\n", COMMENT),
    none('{"a": 1}$0\n', COMPLETE),
    none('{\n  "a": $0true\n}\n', WORD),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: repr(case.text))
def test_holes(case: Case) -> None:
    case.check("json", parses=True)
