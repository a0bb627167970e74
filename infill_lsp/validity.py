"""A second opinion on whether a whole text is valid, from a language's own compiler where one is at hand.

A tree accepts some broken texts, such as a header without a body. The compiler is that of the Python that runs this
server, so its word counts only against a text that it accepts apart from the fill. Nothing is executed.
"""

from __future__ import annotations

import ast
import warnings

# A compiler works on the event loop's thread: half a second for the largest text is too long, 60 ms is not.
_MAX_CHARS = 300_000


def is_valid(text: str, language: str) -> bool:
    """Tell whether a text compiles; True where nobody can tell."""
    if language != "python" or len(text) > _MAX_CHARS:
        return True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(text.removeprefix("\ufeff"), "<fill>", "exec", ast.PyCF_ONLY_AST, dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True
