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
    broken,
    hole,
    none,
    placeholder,
)

CASES = [
    hole("x=$0\n", "expression"),
    hole('echo "a $($0)"\n', "expression"),
    hole("xs=($0)\n", "expression"),
    hole("if [ -n x ]$0\n", "line"),
    hole("echo a | $0\n", "expression"),
    hole("a && $0\n", "expression"),
    hole('echo \\"a && $0\n', "expression"),
    hole("cat <<EOF\nit's text\nEOF\nx=$0\n", "expression"),
    blank("f() {\n  local x=1\n  $0\n  echo a\n}\n", "  "),
    blank("if a; then\n  b\n$0\nfi\n", "  "),
    blank("for i in a b; do\n  b\n$0\ndone\n", "  "),
    body("f() {\n$0\n}\n", "    "),
    body("if a; then\n$0\nfi\n", "    "),
    body("while read -r x; do\n  $0\ndone\n", "  "),
    body("case x in\n  a)\n$0\n  ;;\nesac\n", "    "),
    placeholder("f() {\n  $0:\n}\n", "f() {\n  $0:$0\n}\n"),
    action("f() {\n  # TODO$0\n}\n", "placeholder", "f() {\n  $0# TODO$0\n}\n"),
    action("f() {$0\n}\n", "body", indent="    "),
    none('echo "a $0"\n', STRING),
    none("echo 'it is $0'\n", STRING),
    none("# it's $0\n", COMMENT),
    none("cat <<EOF\nit's $0\nEOF\n", STRING),
    none("x=1\necho x$0\n", COMPLETE),
    none("if a; then$0\nfi\n", COMPLETE),
    none("echo ${#x}; y=x$0\n", COMPLETE),
    none("cat <<EOF\nit is $0\nEOF\n", STRING),
    broken(hole("cat <<EOF\nit's (text\nEOF\nif a; then\n  x=$0\n", "expression")),
    blank("f() {\n  a\n\n$0\n}\n", "  "),
    none("if a; then echo a$0\nfi\n", COMPLETE),
    none("case x in\n  a)\n    b\n    ;;$0\nesac\n", COMPLETE),
    hole("export $0\n", "expression"),
    body("case x in\n    -a | --all )\n$0\n    ;;\nesac\n", "        "),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: repr(case.text))
def test_holes(case: Case) -> None:
    case.check("shellscript", parses=True)
