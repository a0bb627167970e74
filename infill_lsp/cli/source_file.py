"""A source file as the command line takes it: read, checked, and a `LINE:COLUMN` in it found.

Lines and columns count from 1, columns in characters. A byte-order mark is not part of the text, as in editors.
It knows nothing of holes, and it never writes.
"""

from __future__ import annotations

import re
import stat
from pathlib import Path

from infill_lsp.cli.mistake import Mistake
from infill_lsp.excludes.refusal import refusal_of_size, refusal_of_text
from infill_lsp.languages import language_of_path
from infill_lsp.text.line_index import LineIndex

_PLACE = re.compile(r"([0-9]{1,9}):([0-9]{1,9})", re.ASCII)
_BYTE_ORDER_MARK = "\ufeff"


def read_source(path: Path, max_bytes: int) -> str:
    """Read a text file whole. Raises Mistake for everything but a readable UTF-8 text that is not refused."""
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise Mistake(f"{path} is a directory, not a file")
        if not stat.S_ISREG(mode):  # Opening a pipe would wait for its other end.
            raise Mistake(f"{path} is not a regular file")
        with path.open("rb") as file:
            content = file.read(max_bytes + 1)
    except FileNotFoundError:
        raise Mistake(f"{path}: no such file") from None
    except ValueError:
        raise Mistake("a file name cannot hold a NUL character") from None
    except OSError as error:
        raise Mistake(f"{path} cannot be read: {error.strerror or error}") from None
    if (reason := refusal_of_size(len(content), max_bytes)) is not None:
        raise Mistake(f"{path}: {reason}")
    try:
        text = content.decode("utf-8").removeprefix(_BYTE_ORDER_MARK)
    except UnicodeDecodeError as error:
        raise Mistake(f"{path} is not UTF-8: byte {error.start + 1} cannot be decoded") from None
    if (reason := refusal_of_text(text, LineIndex(text))) is not None:
        raise Mistake(f"{path}: {reason}")
    return text


def language_id(path: Path) -> str:
    """Name the language of a file as editors do."""
    language = language_of_path(path.name)
    return language.id if language else "plaintext"


def offset_of_place(place: str, index: LineIndex) -> int:
    """Find the offset of a `LINE:COLUMN`. Raises Mistake when it is malformed or outside the text.

    The column may be one past the line's last character.
    """
    match = _PLACE.fullmatch(place.strip())
    if match is None:
        raise Mistake(f"--at takes LINE:COLUMN, such as 12:5, not '{place}'")
    line, column = (int(number) for number in match.groups())
    if not 1 <= line <= index.num_lines:
        raise Mistake(f"line {line} is outside the file, which has {_counted(index.num_lines, 'line')}")
    length = index.line_end(line - 1) - index.line_start(line - 1)
    if not 1 <= column <= length + 1:
        raise Mistake(f"column {column} is outside line {line}, which has {_counted(length, 'character')}")
    return index.line_start(line - 1) + column - 1


def place_of_offset(offset: int, index: LineIndex) -> tuple[int, int]:
    """Return the line and the column of an offset, both counted from 1."""
    line = index.line_of(offset)
    return line + 1, offset - index.line_start(line) + 1


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
