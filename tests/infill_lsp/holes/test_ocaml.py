from __future__ import annotations

import pytest

from tests.infill_lsp.holes.case import COMMENT, COMPLETE, STRING, Case, action, blank, body, hole, none, placeholder

CASES = [
    hole("let x = $0\n", "expression"),
    hole("let f x = x + $0\n", "expression"),
    hole("let f x = g (x, $0)\n", "expression"),
    hole("let f x = g (x, $0\n", "expression"),
    hole("let xs = [1; $0]\n", "expression"),
    hole("let c = '\"' ^ $0\n", "expression"),
    hole("let s = {|it's \"|} ^ $0\n", "expression"),
    hole("open $0\n", "expression"),
    blank("let f x =\n  let y = x in\n  $0\n  y\n", "  "),
    blank("let f x = x\n\n$0\n\nlet g x = x\n", ""),
    body("module M = struct\n$0\nend\n", "  "),
    body("let f x =\n$0\n", "  "),
    body("for i = 0 to 3 do\n  $0\ndone\n", "  "),
    placeholder('let f x = $0failwith "TODO"\n', 'let f x = $0failwith "TODO"$0\n', lines=False),
    action("module M = struct$0\nend\n", "body", indent="  "),
    action("module M = struct\n  (* TODO *)$0\nend\n", "placeholder", "module M = struct\n  $0(* TODO *)$0\nend\n"),
    none('let x = "a $0"\n', STRING),
    none("(* it (* b *) $0 *)\n", COMMENT),
    none("let x = 1\nlet y = x$0\n", COMPLETE),
    blank("module M = struct\n  let a = 1\n\n$0\nend\n", "  "),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: repr(case.text))
def test_holes(case: Case) -> None:
    case.check("ocaml", parses=True)
