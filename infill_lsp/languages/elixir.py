"""Elixir, as data."""

from __future__ import annotations

import re

from infill_lsp.languages.language import Language, Quote, words

_DEFINITIONS = "defmodule def defp defmacro defmacrop defprotocol defimpl defguard"

LANGUAGE = Language(
    id="elixir",
    suffixes=(".ex", ".exs"),
    filenames=("mix.lock",),
    grammar="tree_sitter_elixir",
    line_comments=("#",),
    quotes=(
        Quote('"""', multiline=True, interpolation="#{"),
        Quote("'''", multiline=True, interpolation="#{"),
        Quote('"', multiline=True, interpolation="#{"),
        Quote("'", multiline=True, interpolation="#{"),
    ),
    # Characters (`?"`) and sigils between slashes or bars.
    atom=re.compile(r"(?<![\w)\]}?])\?(?:\\.|[^\s\w])|~[a-zA-Z]+(?:/(?:\\.|[^/\\\r\n])*/|\|(?:\\.|[^|\\\r\n])*\|)"),
    blocks="words",
    header_words=words(_DEFINITIONS + " if unless case cond with for receive try quote describe test"),
    header_end_words=words("do"),
    end_words=words("end else rescue catch after"),
    block_opener=re.compile(r"\bdo\Z|\A\s*(?:else|rescue|catch|after)\Z|->\Z"),
    statement_words=words(_DEFINITIONS + " use import alias require defstruct"),
    open_words=words(_DEFINITIONS + " use import alias require if unless case with for when and or not in raise"),
    known_words=words(
        _DEFINITIONS + " after alias and case catch cond defstruct do else end false fn for if import in nil not or "
        "quote raise receive require rescue true try unless unquote use when with"
    ),
    last_words=words("raise throw"),
    placeholder_statement=re.compile(r"raise[ \t(]+\"(?i:not (?:yet )?implemented|todo)\b[^\"\r\n]*\"\)?"),
    placeholder_expression=re.compile(r"(?<![\w.])raise[ \t(]+\"(?i:not (?:yet )?implemented|todo)\b[^\"\r\n]*\"\)?"),
    todo=re.compile(r"#\s*(?:TODO|FIXME|XXX|HOLE|FILL)\b", re.IGNORECASE),
    indent_unit="  ",
    neutral_expressions=("x", "", "x: x", "x <- x"),
    neutral_statements=("x", "x -> x"),
    neutral_headers=("", " do x end", " x do x end", ", do: x"),
    # Everything is a call here, a definition too: what a node means stands in its first word, not in its kind.
    enclosings=(
        ("defmodule X do\n", "\nend"),
        ("def x do\n", "\nend"),
        ("case x do\n", "\nend"),
    ),
    string_kinds=words("string charlist sigil"),
    comment_kinds=words("comment"),
    block_kinds=words("do_block body"),
)
