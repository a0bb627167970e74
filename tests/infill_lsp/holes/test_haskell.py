from __future__ import annotations

import pytest

from tests.infill_lsp.holes.case import (
    COMMENT,
    COMPLETE,
    STRING,
    Case,
    action,
    blank,
    body,
    hole,
    none,
    placeholder,
)

CASES = [
    hole("x = $0\n", "expression"),
    hole("f x = x + $0\n", "expression"),
    hole("f x = foo' (x, $0)\n", "expression"),
    hole("f xs = map ($0\n", "expression"),
    hole("xs = [1, $0]\n", "expression"),
    hole("c = '\"' : $0\n", "expression"),
    hole("import $0\n", "expression"),
    hole("x = a --> $0\n", "expression"),
    blank("main = do\n  a <- getLine\n  $0\n  putStrLn a\n", "  "),
    blank("f :: Int\nf = 1\n\n$0\n\ng :: Int\n", ""),
    body("module A where\n\nmain :: IO ()\nmain = do\n$0\n", "  "),
    body("instance Show T where\n    $0\n", "    "),
    body("f x = case x of\n$0\n", "  "),
    placeholder("f x = $0undefined\n", "f x = $0undefined$0\n", lines=False),
    action("main = do$0\n", "body", indent="  "),
    action("main = do\n  -- TODO$0\n", "placeholder", "main = do\n  $0-- TODO$0\n"),
    none('x = "a $0"\n', STRING),
    none("-- it's $0\n", COMMENT),
    none("{- a {- b -} $0 -}\n", COMMENT),
    none("x = 1\ny = x$0\n", COMPLETE),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: repr(case.text))
def test_holes(case: Case) -> None:
    case.check("haskell", parses=True)
