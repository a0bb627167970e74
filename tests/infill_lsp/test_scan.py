from __future__ import annotations

import pytest

from infill_lsp.languages import language_for
from infill_lsp.scan import missing_closers, place_at
from tests.fixture import marked, snapshot_of


@pytest.mark.parametrize(
    ("text", "where", "openers"),
    [
        ("x = (1, [$0", "code", "(["),
        ("x = (1)[$0]", "code", "["),
        ("x = ')' + ($0", "code", "("),
        ("x = '('$0", "code", ""),
        ("x = 'a\\'($0", "string", "'"),
        ("x = 'a\n$0", "code", ""),
        ("x = '''a\n($0", "string", "'''"),
        ("x = 1  # ($0", "comment", "#"),
        ("x = 1  # (\n$0", "code", ""),
        ("x = f'{a[$0]}'", "code", "'{["),
        ("x = f'{{$0}}'", "string", "'"),
        ("x = f'{a}$0'", "string", "'"),
        ("x = f'{a\ny = ($0", "code", "("),
        ("x = rb'\\'$0'", "string", "'"),
        ("x = '{$0}'", "string", "'"),
        ("x = (a[1)$0", "code", ""),
        ("x = (a]$0)", "code", "("),
        ("def f(\n    a,\n    b=(1,\n       $0", "code", "(("),
        ("x = (\ndef f():\n    y = [$0", "code", "["),
        # A string whose end is not typed yet, and lines of it that look like code.
        ('def f():\n    """Doc.\n\n    raise $0', "string", '"""'),
        ('def f():\n    """Doc.\n\n    return $0\n\n\ndef g():\n    return 1\n', "string", '"""'),
        ('def f():\n    """Doc.\n\n    return $0\n\n\ndef g():\n    """Doc."""\n', "string", '"""'),
        ('class A:\n    """Doc.\n\n    with $0\n\n    def f(self):\n        pass\n', "string", '"""'),
        ('"""Module.\n\nimport $0\n\nimport os\n', "string", '"""'),
        ("def g():\n    pass\n\n\nx = '''a\n    import $0\n", "string", "'''"),
        ('def f():\n    """Doc."""\n    x = (\n    return $0\n', "code", ""),
        ('def g(:\n    """Doc."""\ndef f():\n    """Doc."""\n    return [$0\n', "code", "["),
    ],
)
def test_what_stands_open_is_read_from_the_characters(text: str, where: str, openers: str) -> None:
    at = marked(text)
    place = place_at(snapshot_of(at.text), at.offset)
    assert (place.where, "".join(frame.opener for frame in place.frames)) == (where, openers)
    assert all(at.text.startswith(frame.opener, frame.offset) for frame in place.frames)


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("foo($0)", ""),
        ("foo($0", ")"),
        ("foo(a[$0)", "]"),
        ("foo(a[$0", "])"),
        ("foo(bar($0)", ")"),
        ("foo(bar(1), $0)", ""),
        ("foo($0\ny = bar(1)\n", ")"),
        ("foo(\n    $0\n)", ""),
        ("if x:\n    foo(\n        $0\n)\n", ")"),
        ("foo([$0]", ""),
        ("foo($0 ')'", ")"),
        ("foo($0  # )\n", ")"),
        ("x = f'{$0}'", ""),
        ("x", ""),
    ],
)
def test_what_the_text_after_the_hole_does_not_close_is_missing(text: str, missing: str) -> None:
    at = marked(text if "$0" in text else text + "$0")
    frames = place_at(snapshot_of(at.text), at.offset).frames
    assert missing_closers(at.text, at.offset, language_for("python"), frames) == missing
