"""What the rooms need to know of a language, as plain tables: how it is read, how its blocks end, what its nodes mean.

The defaults fit a text of which nothing is known but brackets and double quotes. It knows no language by name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

NEVER = re.compile(r"(?!)")

Blocks = Literal["indentation", "braces", "words", "none"]


def words(text: str) -> frozenset[str]:
    """Read a set of words that are parted by blanks."""
    return frozenset(text.split())


@dataclass(frozen=True, slots=True, eq=False)
class Quote:
    """One kind of string literal: what opens and closes it, and what may open code within it."""

    opener: str
    closer: str = ""  # empty: the opener again
    multiline: bool = False
    escapes: bool = True  # a backslash takes the next character
    interpolation: str = ""  # opens code within the string: `{`, `${`, `#{`, `\(`; its last character is a bracket
    interpolated_after: re.Pattern[str] | None = None  # only if this matches what stands before the opener
    interpolation_escape: str = ""  # looks like an interpolation and is text, as `{{` in Python
    closer_begins_line: bool = False  # what closes it is the first word of a line

    @property
    def end(self) -> str:
        """What closes the string."""
        return self.closer or self.opener


@dataclass(frozen=True, slots=True, eq=False)
class Language:
    """One language. Patterns are matched on the text itself; `*_kinds` are node kinds of its grammar."""

    id: str  # the language id that editors send, and the name of the file that holds this table
    names: tuple[str, ...] = ()  # other ids that editors send
    suffixes: tuple[str, ...] = ()
    family: str = ""  # languages of one family read as one another's context
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
    atom_spans_lines: bool = False  # some of those tokens go on in the lines below
    heredoc: re.Pattern[str] = NEVER  # announces a text in the lines below, up to a line that holds its group `tag`

    # Statements and blocks.
    blocks: Blocks = "braces"
    header_end: str = ""  # what ends the line above a block: `:`, `{`, or "" where a word does
    header_words: frozenset[str] = frozenset()  # what such a line begins with
    header_end_words: frozenset[str] = frozenset()  # words that end it, such as `do` and `then` ("words" only)
    end_words: frozenset[str] = frozenset()  # words or signs that begin the line below a block ("words" only)
    block_opener: re.Pattern[str] = (
        NEVER  # finds in the code of a line that a block begins below it, where no brace ends it
    )
    indent_unit: str = "    "  # one level of indentation, where the file does not tell
    block_words: frozenset[str] = frozenset()  # words of a header that lacks something until its block is opened
    bare_words: frozenset[str] = frozenset()  # headers that may take one statement without braces: `if`, `else`
    label_words: frozenset[str] = frozenset()  # words that begin a label with statements below: `case`, `default`
    flat_words: frozenset[str] = frozenset()  # headers whose block may stand at their own indent: `namespace`
    cases_indented: bool = True  # where a file does not tell, labels stand one level deeper than their `switch`
    case_words: frozenset[str] = frozenset()  # headers whose block holds cases: `switch`, `match`
    member_words: frozenset[str] = frozenset()  # headers whose block holds members: `class`, `struct`, `enum`
    joining_words: frozenset[str] = frozenset()  # words that begin a line that goes on with the line above: `where`
    clause_words: frozenset[str] = frozenset(
        {"else", "elif", "except", "catch", "finally"}
    )  # words that begin a further block of the statement above
    directives: tuple[str, ...] = ()  # what begins the lines of a preprocessor
    mark: re.Pattern[str] = NEVER  # a line that tells nothing about the indent of others: `public:`, `out:`
    line_is_whole: re.Pattern[str] = NEVER  # finds that a line needs no more, though its last character looks like it
    value_brace: re.Pattern[str] = NEVER  # what stands before a `{` that holds values and no statements
    statement_end: str = ""  # `;` where statements may end so
    statement_needs_end: bool = False  # ... and must
    block_has_value: bool = False  # ... but for the last expression of a block
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
    # What may stand around lines that are cut out of a file, so that they parse: above, below.
    enclosings: tuple[tuple[str, str], ...] = ()
    strings_document: bool = False  # a string that is a statement by itself says nothing but what it reads

    # The grammar's nodes.
    string_kinds: frozenset[str] = frozenset()
    comment_kinds: frozenset[str] = frozenset()
    import_kinds: frozenset[str] = frozenset()
    function_kinds: frozenset[str] = frozenset()  # functions and methods, with a name and perhaps a body
    class_kinds: frozenset[str] = frozenset()  # what holds functions and fields: classes, impls, interfaces, modules
    field_kinds: frozenset[str] = frozenset()  # members of these that are no functions
    declaration_kinds: frozenset[str] = (
        frozenset()
    )  # constants, variables, macros and names of types outside of classes
    constructor_names: frozenset[str] = frozenset()  # of the functions in which fields are made
    field_assignment: re.Pattern[str] = NEVER  # a line of a function that makes a field: `self.name = name`
    block_kinds: frozenset[str] = frozenset()  # bodies, whose named children are statements
    wrapper_kinds: frozenset[str] = frozenset()  # what stands around a definition: decorators, `export`
