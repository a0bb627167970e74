"""Whether a line must go on where the caret is, in languages whose blocks stand in braces.

A brace, a `;` or a line break may end a statement there, so that less is open than where only indentation tells.
It reads characters and words, and knows no holes.
"""

from __future__ import annotations

import re

from infill_lsp.blocks.brace_kind import block_braces_off, brace_kind
from infill_lsp.blocks.brace_statements import code_above, ends_open, goes_on_below, is_bare_header, is_label
from infill_lsp.blocks.indentation import code_of, columns, first_word, leading, line_text, next_line, statement_line
from infill_lsp.languages import Language, language_for
from infill_lsp.reading.scan import CLOSER_OF, Frame, Place, missing_closers
from infill_lsp.text.document import Snapshot

HEADER_LACKS_BLOCK = "the header lacks its block"
_MAX_HEADER = 600
_WORD = re.compile(r"\w+")
_WORD_END = re.compile(r"\w+\Z")
_MAX_WORD = 80
_HEAD = re.compile(r"[^=(<]*")
_STATEMENTS_BEFORE = re.compile(r".*[;{}]", re.DOTALL)
_ANNOTATION = ("@", "#[", "#!")


def why_it_goes_on(snapshot: Snapshot, line: int, offset: int, place: Place) -> str | None:
    """Tell why text must follow the caret, or None; names that are being typed are left to `continuation`."""
    language = language_for(snapshot.language)
    text = snapshot.text
    before = text[snapshot.index.line_start(line) : offset]
    inner = block_braces_off(snapshot, place.frames)
    bracket = inner[-1] if inner else None
    if not before.strip():
        return _after_line_above(snapshot, line, place, bracket)
    after = text[offset : snapshot.index.line_end(line)].strip()
    at_line_end = not after or after.startswith(language.line_comments)
    code = before.rstrip()
    tail = code[-_MAX_WORD:]
    if at_line_end and _is_finished(snapshot, line, code, place, bracket):
        return None
    if at_line_end and bracket is None and code[-1] == "{" and before != code:
        return "after `{`" if missing_closers(text, offset, language, place.frames) else None
    is_loop = _is_loop(text, bracket, language)
    if (reason := _after_token(tail, tail + before[len(code) :], language, bracket, is_loop=is_loop)) is not None:
        return reason
    if at_line_end and bracket is None and _header_lacks_block(snapshot, line, code, language):
        return HEADER_LACKS_BLOCK
    if at_line_end and bracket is not None and missing_closers(text, offset, language, place.frames):
        return f"`{bracket.opener}` is not closed"
    if at_line_end and bracket is None and _lacks_end(snapshot, line, code, place, language):
        return f"`{language.statement_end}` is missing"
    return None


def _is_loop(text: str, bracket: Frame | None, language: Language) -> bool:
    """Tell the parentheses of `for (a; b; c)`, where a `;` ends no statement."""
    before = text[max(bracket.offset - _MAX_WORD, 0) : bracket.offset] if bracket is not None else ""
    word = _WORD_END.search(before.rstrip())
    return word is not None and word.group() in language.block_words


def _after_token(code: str, before: str, language: Language, bracket: Frame | None, *, is_loop: bool) -> str | None:
    word = _WORD_END.search(code)
    if word is not None:
        return f"after `{word.group()}`" if before != code and word.group() in language.open_words else None
    if code[-1] in "([{" and (bracket is None or CLOSER_OF[code[-1]] != CLOSER_OF[bracket.opener]):
        return None
    if code[-1] == ";":
        return "after `;`" if is_loop else None
    return f"after `{code[-1]}`" if ends_open(code) or code[-1] in "([{,.:@" else None


def _is_finished(snapshot: Snapshot, line: int, code: str, place: Place, bracket: Frame | None) -> bool:
    """Tell whether a line that ends here is one that the next line follows."""
    if is_label(code, language_for(snapshot.language)):
        return True
    if code.endswith(":"):
        return bracket is None and bool(language_for(snapshot.language).mark.fullmatch(code.strip()))
    if not code.endswith(","):
        return False
    if bracket is None:  # After a member of an enumeration or an arm the next one stands below.
        return place.bracket is not None and _holds_list(snapshot, place.bracket)
    if bracket.opener == "{":
        return snapshot.index.line_of(bracket.offset) != line
    below = next_line(snapshot, line)
    if below is None or line_text(snapshot, below).lstrip().startswith((")", "]", "}")):
        return False
    end = snapshot.index.line_end(line)
    return not missing_closers(snapshot.text, end, language_for(snapshot.language), place.frames)


def _holds_list(snapshot: Snapshot, brace: Frame) -> bool:
    """Tell whether commas part what stands in a brace, line by line."""
    kind = brace_kind(snapshot, brace)
    return kind in ("members", "values") or (kind == "cases" and not language_for(snapshot.language).label_words)


def _header_lacks_block(snapshot: Snapshot, line: int, code: str, language: Language) -> bool:
    """Tell whether the line ends a header, such as `if (x)`, with nothing that belongs to it below."""
    own = _own_part(snapshot, line, code)
    if is_bare_header(own, language):
        return not _body_is_below(snapshot, line)
    words = _WORD.findall(_HEAD.match(own).group())  # type: ignore[union-attr]  # it matches anything
    if not any(word in language.block_words for word in words):
        return False
    first = next((word for word in words if word in language.block_words), "")
    if first in language.bare_words and own.lstrip()[len(first) :].lstrip().startswith("("):
        return False  # `if (x) y()`: the body stands on the same line.
    return code[-1] not in ";{}" and not _body_is_below(snapshot, line)


def _own_part(snapshot: Snapshot, line: int, code: str) -> str:
    """Give the part of the statement at the caret that stands on this line and the ones above it that it began on."""
    first = statement_line(snapshot, line)
    own = code
    if first < line:
        start = snapshot.index.line_start(first)
        own = snapshot.text[start : snapshot.index.line_start(line)] + code
    return _STATEMENTS_BEFORE.sub("", own).strip()


def _body_is_below(snapshot: Snapshot, line: int) -> bool:
    below = next_line(snapshot, line)
    if below is None:
        return False
    text = line_text(snapshot, below)
    return text.lstrip().startswith("{") or columns(leading(text)) > columns(leading(line_text(snapshot, line)))


def _lacks_end(snapshot: Snapshot, line: int, code: str, place: Place, language: Language) -> bool:
    """Tell whether a statement that must end in `;` does not."""
    own = code.strip()
    if not language.statement_needs_end or code[-1] in ";{}:,*" or own.startswith((*_ANNOTATION, *language.directives)):
        return False
    below = next_line(snapshot, line)
    text_below = line_text(snapshot, below).strip() if below is not None else ""
    if below is not None and (goes_on_below(text_below, language) or _body_is_below(snapshot, line)):
        return False
    if place.bracket is None:
        return code[-1] not in ")>" and not _is_template(own)
    kind = brace_kind(snapshot, place.bracket)
    if kind in ("members", "values"):
        above = code_above(snapshot, line)
        return above is not None and code_of(snapshot, above).endswith(language.statement_end)
    if kind == "cases" and not language.label_words:
        return False
    if language.block_has_value and (below is None or text_below.startswith("}")):
        return first_word(own) == "let"
    return True


def _is_template(own: str) -> bool:
    return own.endswith("]")


def _after_line_above(snapshot: Snapshot, line: int, place: Place, bracket: Frame | None) -> str | None:
    """Tell why a line that has not begun must go on with what stands above it."""
    language = language_for(snapshot.language)
    if line > 0 and line_text(snapshot, line - 1).endswith("\\"):
        return "after `\\`"
    above = code_above(snapshot, line)
    code = code_of(snapshot, above) if above is not None else ""
    if bracket is None and code.endswith(","):
        return None if place.bracket is not None and _holds_list(snapshot, place.bracket) else "after `,`"
    if bracket is None and not (code.endswith(".") or ends_open(code)):
        return None
    if bracket is None and language.block_opener.search(code[-_MAX_HEADER:]):
        return None
    is_loop = _is_loop(snapshot.text, bracket, language)
    return (
        _after_token(code[-_MAX_WORD:], code[-_MAX_WORD:] + " ", language, bracket, is_loop=is_loop)
        if code.strip()
        else None
    )
