from __future__ import annotations

import pytest

from tests.infill_lsp.holes.case import COMMENT, COMPLETE, STRING, Case, action, blank, body, hole, none, placeholder

CASES = [
    hole("const x = $0;\n", "expression"),
    hole("fn f(x: u8) u8 {\n    return x + $0;\n}\n", "expression"),
    hole("const x = foo(a, $0);\n", "arguments"),
    hole("const x = foo(a, $0\n", "arguments"),
    hole("const p = P{ .x = $0 };\n", "expression"),
    hole("const c = '\"' + $0;\n", "expression"),
    hole("const s =\n    \\\\it's (text\n;\nconst x = $0;\n", "expression"),
    blank("fn f() void {\n    const x = 1;\n    $0\n    g(x);\n}\n", "    "),
    blank("const A = struct {\n    x: u8,\n    $0\n};\n", "    ", "member"),
    body("fn f() void {\n$0\n}\n", "    "),
    body("fn f() void {\n    while (true) {\n        $0\n    }\n}\n", "        "),
    placeholder('fn f() void {\n    $0@panic("TODO");\n}\n', 'fn f() void {\n    $0@panic("TODO");$0\n}\n'),
    action("fn f() void {$0\n}\n", "body", indent="    "),
    action("fn f() void {\n    // TODO$0\n}\n", "placeholder", "fn f() void {\n    $0// TODO$0\n}\n"),
    none('const x = "a $0";\n', STRING),
    none("const x =\n    \\\\a $0\n;\n", STRING),
    none("// it's $0\n", COMMENT),
    none("const x = 1;$0\n", COMPLETE),
    blank("const p = P{\n    .x = 1,\n    $0\n};\n", "    ", "member"),
    hole("fn f() u8 {\n    return $0;\n}\n", "expression"),
    hole("fn f() u8 {\n    if (x)$0\n}\n", "line"),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: repr(case.text))
def test_holes(case: Case) -> None:
    case.check("zig", parses=True)
