"""Which lines make one statement, where braces make the blocks, and which lines are no statement.

It knows no holes and no expected indents.
"""

from __future__ import annotations

import re

from infill_lsp.blocks.brace_kind import brace_kind
from infill_lsp.blocks.lines import code_of, columns, first_word, leading, line_text, next_line, previous_code_line
from infill_lsp.languages import Language, language_for
from infill_lsp.reading.scan import Frame, place_at
from infill_lsp.text.document import Snapshot

_MAX_LINES_OF_STATEMENT = 60
_PARENTHESIS = re.compile(r"[()]")
# A line that begins so goes on with the one above. `*p`, `&x`, `-1` and `|x|` may begin a statement: a blank tells.
_GOES_ON = re.compile(r"\.(?!\.\.)|\?\.|\?\?|[?:|&^+\-*/%<>]\s|&&|\|\||<<|>>|==|!=|<=|>=|->|=>|=\s|,")
_ENDS_OPEN = re.compile(r"(?:[=+\-*/%&|^~<?]|=>|->)\Z|\s[>:]\Z")
_NOT_OPEN = re.compile(r"(?:\+\+|--|\*/|\w\*|\w\?)\Z")


def statement_line(snapshot: Snapshot, line: int) -> int:
    """Find the first line of the statement that `line` belongs to."""
    language = language_for(snapshot.language)
    for _ in range(_MAX_LINES_OF_STATEMENT):
        opened = _closed_on(snapshot, line)
        if opened is not None:
            text, above = line_text(snapshot, line), snapshot.index.line_of(opened.offset)
            if closes(text) and columns(leading(text)) < columns(leading(line_text(snapshot, above))):
                return line  # A closing brace is missing above: what this line closes stands left of it.
            line = above
            continue
        above_line = code_above(snapshot, line)
        if above_line is None or not _goes_on(snapshot, above_line, line, language):
            return line
        line = above_line
    return line


def header_line(snapshot: Snapshot, line: int) -> int:
    """Find the line at whose indent a block that `line` opens is closed: brackets and words join a header's lines."""
    language = language_for(snapshot.language)
    for _ in range(_MAX_LINES_OF_STATEMENT):
        text = line_text(snapshot, line)
        opened = _closed_on(snapshot, line)
        above = code_above(snapshot, line)
        if opened is not None:
            if closes(text):
                return line
            line = snapshot.index.line_of(opened.offset)
        elif above is not None and _joins(text.strip(), code_of(snapshot, above).strip(), language):
            line = above
        else:
            return line
    return line


def code_above(snapshot: Snapshot, line: int) -> int | None:
    """Find the line above that holds code, and no mark such as `#endif`, `public:` or `out:`."""
    language = language_for(snapshot.language)
    above = previous_code_line(snapshot, line)
    while above is not None and _is_mark(line_text(snapshot, above), language):
        above = previous_code_line(snapshot, above)
    return above


def code_below(snapshot: Snapshot, line: int) -> int | None:
    """Find the line below that is not blank, and no mark."""
    language = language_for(snapshot.language)
    below = next_line(snapshot, line)
    while below is not None and _is_mark(line_text(snapshot, below), language):
        below = next_line(snapshot, below)
    return below


def is_label(code: str, language: Language) -> bool:
    """Tell whether a line is a `case` with its statements below."""
    return code.endswith(":") and first_word(code) in language.label_words


def is_bare_header(code: str, language: Language) -> bool:
    """Tell whether a line is a header that takes one statement without braces, as `if (x)` and `else`."""
    code = code.strip().removeprefix("}").lstrip()
    word = first_word(code)
    if word not in language.bare_words:
        return False
    rest = code[len(word) :].strip()
    if not rest.startswith("("):
        return not rest or is_bare_header(rest, language)
    rest = rest[_parentheses_end(rest) :].strip()
    return not rest or is_bare_header(rest, language)


def _parentheses_end(text: str) -> int:
    """Find where the parentheses that a text begins with are closed; its end if they are not."""
    depth = 0
    for match in _PARENTHESIS.finditer(text):
        depth += 1 if match.group() == "(" else -1
        if depth == 0:
            return match.end()
    return len(text)


def ends_open(code: str) -> bool:
    """Tell whether a line ends with an operator, so that what it operates on must follow."""
    return bool(_ENDS_OPEN.search(code)) and not _NOT_OPEN.search(code)


def goes_on_below(text: str, language: Language) -> bool:
    """Tell whether a line, by how it begins, goes on with the line above it."""
    return first_word(text) in language.joining_words or bool(_GOES_ON.match(text))


def closes(text: str) -> bool:
    """Tell whether a line begins with a closing bracket."""
    return text.lstrip().startswith((")", "]", "}"))


def _is_mark(text: str, language: Language) -> bool:
    text = text.strip()
    if language.directives and text.startswith(language.directives):
        return True
    return bool(language.mark.fullmatch(text))


def _joins(text: str, above: str, language: Language) -> bool:
    """Tell whether a line goes on with a header: `throws E {`, `: a(1),` and what stands below these."""
    words = language.joining_words
    if text.startswith("{"):
        return False
    if first_word(text) in words or text.startswith(": "):
        return above[-1:] not in ";{}(,"
    return above.endswith(",") and (first_word(above) in words or above.startswith(": "))


def _closed_on(snapshot: Snapshot, line: int) -> Frame | None:
    """Give the outermost bracket that is open where `line` begins and no longer where it ends."""
    start = snapshot.index.line_start(line)
    before = place_at(snapshot, start).frames
    if not before:
        return None
    after = {frame.offset for frame in place_at(snapshot, start + len(code_of(snapshot, line))).frames}
    return next((frame for frame in before if frame.offset not in after), None)


def _goes_on(snapshot: Snapshot, above: int, line: int, language: Language) -> bool:
    """Tell whether `line` goes on with the statement of the code line above it, with no bracket between them."""
    text, code = line_text(snapshot, line).strip(), code_of(snapshot, above)
    if not code or code.endswith(("(", "[", "{", ";")) or text.startswith("{"):
        return False
    if is_bare_header(code, language):
        return True
    if code.endswith(","):
        bracket = place_at(snapshot, snapshot.index.line_start(line)).bracket
        if bracket is not None and (bracket.opener != "{" or brace_kind(snapshot, bracket) != "statements"):
            return False
        return columns(leading(line_text(snapshot, line))) > columns(leading(code))
    if is_label(code, language) or (code.endswith("}") and not _GOES_ON.match(text)):
        return False
    return goes_on_below(text, language) or ends_open(code)
