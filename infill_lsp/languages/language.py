"""What the rooms need to know of a language, as plain tables: how it is read, how its blocks end, what its nodes mean.

The defaults fit a text of which nothing is known but brackets and double quotes. It knows no language by name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

NEVER = re.compile(r"(?!)")

Blocks = Literal["indentation", "braces", "words", "none"]


@dataclass(frozen=True, slots=True)
class Quote:
    """One kind of string literal: what opens and closes it, and what may open code within it."""

    opener: str
    closer: str = ""  # empty: the opener again
    multiline: bool = False
    escapes: bool = True  # a backslash takes the next character
    interpolation: str = ""  # opens code within the string: `{`, `${`, `#{`, `\(`; its last character is a bracket
    interpolated_after: re.Pattern[str] | None = None  # only if this matches what stands before the opener
    interpolation_escape: str = ""  # looks like an interpolation and is text, as `{{` in Python

    @property
    def end(self) -> str:
        """What closes the string."""
        return self.closer or self.opener


@dataclass(frozen=True, slots=True)
class Language:
    """One language. Patterns are matched on the text itself; `*_kinds` are node kinds of its grammar."""

    id: str  # the language id that editors send, and the name of the file that holds this table
    names: tuple[str, ...] = ()  # other ids that editors send
    suffixes: tuple[str, ...] = ()
    filenames: tuple[str, ...] = ()  # whole file names, such as `Makefile`

    # The grammar. None: no tree, only brackets and indentation.
    grammar: str | None = None  # the module of its own wheel
    grammar_function: str = "language"
    bundle_name: str = ""  # its name in bundles of grammars; empty: the id

    # Reading characters.
    line_comments: tuple[str, ...] = ()
    block_comments: tuple[tuple[str, str], ...] = ()
    comments_nest: bool = False
    quotes: tuple[Quote, ...] = (Quote('"'),)  # longest opener first
    atom: re.Pattern[str] = NEVER  # a token of code that only looks like a quote, a comment or a bracket: read whole
    word_characters: str = ""  # what belongs to names besides letters, digits and `_`

    # Statements and blocks.
    blocks: Blocks = "braces"
    header_end: str = ""  # what ends the line above a block: `:`, `{`, or "" where a word does
    header_words: frozenset[str] = frozenset()  # what such a line begins with
    header_end_words: frozenset[str] = frozenset()  # words that end it, such as `do` and `then` ("words" only)
    end_words: frozenset[str] = frozenset()  # words that begin the line below a block: `end`, `else` ("words" only)
    value_brace: re.Pattern[str] = NEVER  # what stands before a `{` that holds values and no statements
    statement_end: str = ""  # `;` where statements may end so
    statement_needs_end: bool = False  # ... and must
    statement_words: frozenset[str] = frozenset()  # words that begin a line only where a statement begins
    open_words: frozenset[str] = frozenset()  # words after which a line must go on
    known_words: frozenset[str] = frozenset()  # words that are complete wherever they stand
    last_words: frozenset[str] = frozenset()  # a statement that begins so is the last of its block

    # Code that stands for code to come.
    placeholder_statement: re.Pattern[str] = NEVER  # its end, such as `;`, included
    placeholder_expression: re.Pattern[str] = NEVER
    todo: re.Pattern[str] = NEVER  # a whole comment that stands for code

    # Harmless fills, likeliest to parse first.
    neutral_expressions: tuple[str, ...] = ("_",)
    neutral_statements: tuple[str, ...] = ()
    neutral_headers: tuple[str, ...] = ()  # what may complete a header that lacks its end

    # The grammar's nodes.
    string_kinds: frozenset[str] = frozenset()
    comment_kinds: frozenset[str] = frozenset()
    import_kinds: frozenset[str] = frozenset()
    function_kinds: frozenset[str] = frozenset()  # functions and methods, with a name and perhaps a body
    class_kinds: frozenset[str] = frozenset()  # what holds functions and fields: classes, impls, interfaces, modules
    field_kinds: frozenset[str] = frozenset()  # members of these that are no functions
    block_kinds: frozenset[str] = frozenset()  # bodies, whose named children are statements
    wrapper_kinds: frozenset[str] = frozenset()  # what stands around a definition: decorators, `export`
