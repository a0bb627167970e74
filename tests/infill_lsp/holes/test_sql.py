from __future__ import annotations

import pytest

from tests.infill_lsp.holes.case import (
    COMMENT,
    COMPLETE,
    STRING,
    WORD,
    Case,
    blank,
    hole,
    none,
)

CASES = [
    hole("SELECT $0 FROM t;\n", "expression"),
    hole("SELECT a FROM $0\n", "expression"),
    hole("select a from t where a = $0;\n", "expression"),
    hole("INSERT INTO t VALUES (1, $0);\n", "expression"),
    hole("SELECT count($0) FROM t;\n", "arguments"),
    hole("SELECT a FROM t WHERE b IN (1, $0\n", "expression"),
    hole("SELECT 'it''s' || $0\n", "expression"),
    hole("CREATE TABLE t (\n  a INT,\n  $0\n);\n", "expression", indent="  "),
    blank("SELECT 1;\n$0\nSELECT 2;\n", ""),
    none("SELECT 'a $0';\n", STRING),
    none("-- it's $0\n", COMMENT),
    none("/* a $0 */\n", COMMENT),
    none("SELECT a FROM t;$0\n", COMPLETE),
    none("SELECT $0name FROM t;\n", WORD),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: repr(case.text))
def test_holes(case: Case) -> None:
    case.check("sql", parses=True)
