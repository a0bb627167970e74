from __future__ import annotations

import pytest

from tests.infill_lsp.holes.case import (
    COMMENT,
    COMPLETE,
    STRING,
    WORD,
    Case,
    action,
    blank,
    body,
    hole,
    none,
    placeholder,
)

CASES = [
    hole("total = $0\n", "expression"),
    hole("def f(x)\n  return x + $0\nend\n", "expression"),
    hole("puts $0\n", "expression"),
    hole("foo(a, $0)\n", "arguments"),
    hole("foo(a, $0\n", "arguments"),
    hole("foo(\n  a,\n  $0\n)\n", "arguments"),
    hole('puts "a #{x + $0} b"\n', "expression"),
    hole('x = ?" + $0\n', "expression"),
    hole("h = { a: $0 }\n", "expression"),
    hole("xs.each { |x| y + $0 }\n", "expression"),
    hole("s = x =~ /[\"']/ && $0\n", "expression"),
    hole("t = <<~EOS\n  it's text\nEOS\nx = $0\n", "expression"),
    blank("def f\n  a = 1\n  $0\n  a\nend\n", "  "),
    blank("def f\n  a = 1\n$0\nend\n", "  "),
    blank("def f\n  if a\n    return 1\n\n$0\n  end\nend\n", "    "),
    blank("class A\n  def f\n    1\n  end\n\n$0\nend\n", "  "),
    body("def f(x)\n$0\nend\n", "  "),
    body("class A < B\n  $0\nend\n", "  "),
    body("  xs.each do |x|\n$0\n  end\n", "    "),
    body("if a\n  1\nelse\n$0\nend\n", "  "),
    body("x = if a\n$0\nend\n", "  "),
    placeholder("def f\n  $0raise NotImplementedError\nend\n", "def f\n  $0raise NotImplementedError$0\nend\n"),
    action("def f$0\nend\n", "body", indent="  "),
    action("def f\n  # TODO: later$0\nend\n", "placeholder", "def f\n  $0# TODO: later$0\nend\n"),
    none('puts "a $0"\n', STRING),
    none("# it's $0\n", COMMENT),
    none("x = 1\nx$0\n", COMPLETE),
    none("xs.each do |x|$0\nend\n", COMPLETE),
    none("t = <<~EOS\n  it's $0\nEOS\n", STRING),
    none("$0x = 1\n", WORD),
    hole("h = {\n  a: 1,\n  $0\n}\n", "expression", indent="  "),
    blank("xs.each { |x|\n  y(x)\n  $0\n}\n", "  "),
    none("a = 1\n=begin\na $0\n=end\n", COMMENT),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: repr(case.text))
def test_holes(case: Case) -> None:
    case.check("ruby", parses=True)
