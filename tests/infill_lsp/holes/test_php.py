from __future__ import annotations

import pytest

from tests.infill_lsp.holes.case import COMMENT, COMPLETE, STRING, Case, action, blank, body, hole, none, placeholder

CASES = [
    hole("<?php\n$total = $0;\n", "expression"),
    hole("<?php\nreturn $x + $0;\n", "expression"),
    hole("<?php\nfoo($a, $0);\n", "arguments"),
    hole("<?php\nfoo($a, $0\n", "arguments"),
    hole("<?php\n$x = ['a' => $0];\n", "expression"),
    hole("<?php\n$x->$0\n", "expression"),
    hole("<?php\n#[Attribute($0)]\nclass A {}\n", "arguments"),
    hole("<?php\n$s = <<<EOT\nit's text\nEOT;\n$y = $0;\n", "expression"),
    blank("<?php\nfunction f() {\n    $x = 1;\n    $0\n    return $x;\n}\n", "    "),
    blank("<?php\nclass A\n{\n    private int $x;\n\n    $0\n}\n", "    ", "member"),
    body("<?php\nclass A\n{\n    function f()\n    {\n$0\n    }\n}\n", "        "),
    body("<?php\nforeach ($xs as $x) {\n    $0\n}\n", "    "),
    placeholder(
        "<?php\nfunction f() {\n    $0throw new \\Exception('Not implemented');\n}\n",
        "<?php\nfunction f() {\n    $0throw new \\Exception('Not implemented');$0\n}\n",
    ),
    action("<?php\nfunction f()\n{$0\n}\n", "body", indent="    "),
    action("<?php\nfunction f() {\n    // TODO$0\n}\n", "placeholder", "<?php\nfunction f() {\n    $0// TODO$0\n}\n"),
    none("<?php\n$x = 'a $0';\n", STRING),
    none("<?php\n# it's $0\n", COMMENT),
    none("<?php\n$x = 1;$0\n", COMPLETE),
    none("<?php\n$s = <<<EOT\nit's $0\nEOT;\n", STRING),
    blank("<?php\n$x = match ($y) {\n    1 => 2,\n    $0\n};\n", "    ", "member"),
    hole("<?php\nreturn $0;\n", "expression"),
    none("<?php\n/* it's $0 */\n", COMMENT),
    hole("<?php\nif ($x)$0\n", "line"),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: repr(case.text))
def test_holes(case: Case) -> None:
    case.check("php", parses=True)
