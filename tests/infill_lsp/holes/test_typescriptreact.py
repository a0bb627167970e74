from __future__ import annotations

import pytest

from tests.infill_lsp.holes.case import (
    Case,
    blank,
    hole,
)
from tests.infill_lsp.holes.test_typescript import CASES as TYPESCRIPT

CASES = [
    *TYPESCRIPT,
    hole("const x = <div>{$0}</div>;\n", "expression"),
    hole("const x = <div a={$0} />;\n", "expression"),
    hole("const x = (\n  <div>\n    {foo(a, $0)}\n  </div>\n);\n", "arguments"),
    blank("function F() {\n  const a = 1;\n  $0\n  return <div>it's</div>;\n}\n", "  "),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: repr(case.text))
def test_holes(case: Case) -> None:
    case.check("typescriptreact", parses=True)
