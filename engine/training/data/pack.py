"""Turn cleaned files into two arrays of token ids, one to learn from and one held out, and read them back.

A file is `<bos> text <eos>`; long docstrings of Python are mostly cut to their first line, since prose is not what is
asked of the checkpoint and would take most of a small budget.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from engine.training.data.source import SourceFile
from engine.training.tokenizer import BOS, EOS

_KEEP_DOCSTRINGS_SHARE = 0.25


@dataclass(frozen=True, slots=True)
class Packed:
    """Token ids of many files in a row, uint16, and where each file starts (one more entry than files)."""

    ids: np.ndarray
    starts: np.ndarray


def pack(files: Sequence[SourceFile], tokenizer: Tokenizer) -> Packed:
    """Tokenise the files in the order of a hash of their path, so that a prefix of the array is a fair sample."""
    ordered = sorted(files, key=lambda file: _share(file.package + "/" + file.path))
    return pack_texts([condense(file) for file in ordered], tokenizer)


def pack_texts(texts: Sequence[str], tokenizer: Tokenizer) -> Packed:
    """Tokenise the texts one after another. Raises: ValueError when there is no text."""
    if not texts:
        raise ValueError("there is no text to learn from; give at least one file")
    rows = [np.array([BOS, *row.ids, EOS], np.uint16) for row in tokenizer.encode_batch(list(texts))]
    return Packed(np.concatenate(rows), np.cumsum([0, *(len(row) for row in rows)]))


def texts_of(packed: Packed, tokenizer: Tokenizer) -> list[str]:
    """Return the files that were packed, as text."""
    bounds = zip(packed.starts[:-1], packed.starts[1:], strict=True)
    return tokenizer.decode_batch([[i for i in packed.ids[a:b].tolist() if i not in (BOS, EOS)] for a, b in bounds])


def save(packed: Packed, path: Path) -> None:
    """Write the arrays as one uncompressed file."""
    np.savez(path, ids=packed.ids, starts=packed.starts)


def load(path: Path) -> Packed:
    """Read what `save` wrote."""
    with np.load(path) as arrays:
        return Packed(arrays["ids"], arrays["starts"])


def condense(file: SourceFile) -> str:
    """Return the file's text, of Python in three of four files with docstrings cut to their first line."""
    if file.language != "python" or _share(file.path) < _KEEP_DOCSTRINGS_SHARE:
        return file.text
    try:
        tree = ast.parse(file.text)
    except (SyntaxError, ValueError, RecursionError):
        return file.text
    lines = file.text.split("\n")
    for node in _docstrings(tree):
        first, last = node.lineno - 1, (node.end_lineno or node.lineno) - 1
        opening = lines[first].strip().lstrip("rRuU")
        if opening == '"""':
            first += 1  # The first words stand on the next line.
        if first >= last or not opening.startswith('"""') or not lines[last].endswith('"""'):
            continue
        lines[first] = lines[first].rstrip() + '"""'
        lines[first + 1 : last + 1] = [""] * (last - first)  # Blank lines keep the line numbers of other nodes right.
    return "\n".join(_without_blank_runs(lines))


def _docstrings(tree: ast.AST) -> list[ast.Expr]:
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and node.body:
            first = node.body[0]
            if (
                isinstance(first, ast.Expr)
                and isinstance(first.value, ast.Constant)
                and isinstance(first.value.value, str)
            ):
                found.append(first)
    return found


def _without_blank_runs(lines: list[str]) -> list[str]:
    """Return the lines with at most two blank ones in a row."""
    return [line for index, line in enumerate(lines) if line or index < 2 or lines[index - 1] or lines[index - 2]]


def _share(name: str) -> float:
    """Return a number in [0, 1) that depends on the name alone."""
    return int.from_bytes(hashlib.sha1(name.encode(), usedforsecurity=False).digest()[:4]) / 2**32
