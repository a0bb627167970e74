"""A second opinion on whether a whole text is valid, from a language's own compiler where one is at hand.

A tree accepts some broken texts, such as a header without a body. The compiler is that of the Python that runs this
server, so its word counts only against a text that it accepts apart from the fill. Nothing is executed.
"""

from __future__ import annotations

import ast
import re
import warnings
from dataclasses import dataclass

# A compiler works on the event loop's thread: half a second for the largest text is too long, 60 ms is not.
_MAX_CHARS = 300_000


_INK = re.compile(r"\S")
_INDENT = re.compile(r"[ \t]+(?=\S)")


@dataclass(frozen=True, slots=True)
class CompilerError:
    """Where the compiler stopped, in code points, and whether it only missed the end of what begins there."""

    offset: int
    is_open: bool


def has_compiler(language: str) -> bool:
    """Tell whether texts of a language can be compiled here."""
    return language == "python"


def first_error(text: str, language: str) -> CompilerError | None:
    """Find the first place where an excerpt of a file, from the start of a line on, does not compile.

    None where nobody can tell. An excerpt that begins inside blocks is compiled inside as many.
    """
    if not has_compiler(language) or len(text) > _MAX_CHARS:
        return None
    blocks = _blocks_around(text)
    try:
        _compile(blocks + text)
    except SyntaxError as error:
        lines = (blocks + text).split("\n")
        line = min(error.lineno or 1, len(lines)) - 1
        column = min(max((error.offset or 1) - 1, 0), len(lines[line]))
        offset = sum(len(above) + 1 for above in lines[:line]) + column - len(blocks)
        is_open = error.msg.endswith("was never closed") or error.msg.startswith("unterminated triple")
        return CompilerError(max(offset, 0), is_open)
    except (ValueError, RecursionError, MemoryError):
        return CompilerError(0, False)
    return None


def _compile(text: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        compile(text.removeprefix("\ufeff"), "<fill>", "exec", ast.PyCF_ONLY_AST, dont_inherit=True)


def _blocks_around(text: str) -> str:
    """Write the headers of the blocks that the text's first line stands in, one for each level of four or a tab."""
    ink = _INK.search(text)
    indent = _INDENT.match(text, text.rfind("\n", 0, ink.start()) + 1) if ink else None
    if indent is None:
        return ""
    step = 1 if "\t" in indent.group() else 4
    levels = range(0, len(indent.group()), step)
    return "".join(f"{indent.group()[:level]}if _:\n" for level in levels)
