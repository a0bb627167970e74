from __future__ import annotations

import pytest

from tests.infill_lsp.holes.case import COMMENT, COMPLETE, STRING, Case, action, blank, body, hole, none, placeholder

CASES = [
    hole("x = $0\n", "expression"),
    hole("foo(a, $0)\n", "arguments"),
    hole("foo(a, $0\n", "arguments"),
    hole("x = %{a: $0}\n", "expression"),
    hole('s = "a #{x <> $0} b"\n', "expression"),
    hole("xs |> $0\n", "expression"),
    hole('c = ?" + $0\n', "expression"),
    hole("def f(x)$0\n", "line"),
    blank("def f(x) do\n  y = x\n  $0\n  y\nend\n", "  "),
    blank("defmodule A do\n  def f do\n    1\n  end\n\n$0\nend\n", "  "),
    body("defmodule A do\n$0\nend\n", "  "),
    body("  def f(x) do\n$0\n  end\n", "    "),
    body("if x do\n  1\nelse\n$0\nend\n", "  "),
    body("case x do\n  1 ->\n$0\nend\n", "    "),
    placeholder('def f do\n  $0raise "not implemented"\nend\n', 'def f do\n  $0raise "not implemented"$0\nend\n'),
    action("def f(x) do$0\nend\n", "body", indent="  "),
    action("def f do\n  # TODO$0\nend\n", "placeholder", "def f do\n  $0# TODO$0\nend\n"),
    none('x = "a $0"\n', STRING),
    none('@doc """\nit is $0\n"""\n', STRING),
    none("# it's $0\n", COMMENT),
    none("x = 1\nx$0\n", COMPLETE),
    none("def f(x) do$0\nend\n", COMPLETE),
    none("def f(x), do: x$0\n", COMPLETE),
    hole("import $0\n", "expression"),
    blank("def f do\n  a()\n\n$0\nend\n", "  "),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: repr(case.text))
def test_holes(case: Case) -> None:
    case.check("elixir", parses=True)
