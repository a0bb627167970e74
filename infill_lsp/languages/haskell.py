"""Haskell, as data. A word or a sign opens a layout, and a dedent ends it."""

from __future__ import annotations

import re

from infill_lsp.languages.language import Language, Quote, words

_UNDEFINED = r"(?<![\w.'])undefined(?![\w'])|(?<![\w.'])error\s+\"(?i:not (?:yet )?implemented|todo)\b[^\"\r\n]*\""

LANGUAGE = Language(
    id="haskell",
    suffixes=(".hs", ".hs-boot"),
    grammar="tree_sitter_haskell",
    line_comments=("--",),
    block_comments=(("{-", "-}"),),
    comments_nest=True,
    quotes=(Quote('"'),),
    # Characters, and operators that begin like a comment.
    atom=re.compile(
        r"(?<![\w'])'(?:\\[^'\r\n]+|\\'|[^'\\\r\n])'|--+[!#$%&*+./<=>?@\\^|~:][^\s\w]*|[!#$%&*+./<=>?@\\^|~:]--+"
    ),
    blocks="words",
    block_opener=re.compile(
        r"(?<![\w'])(?:where|do|mdo|of|let|then|else)\Z|\\case\Z|(?:(?<![!#$%&*+./<=>?@\\^|~:-])=|->)\Z"
    ),
    statement_words=words("module import data newtype type class instance deriving infixl infixr infix"),
    open_words=words(
        "module import qualified data newtype type class instance deriving if then else case of let in as"
    ),
    known_words=words(
        "Bool Char Int Integer Just Left Maybe Nothing Right String False True as case class data deriving do else "
        "forall hiding if import in infix infixl infixr instance let module mdo newtype of otherwise pure qualified "
        "rec return then type where"
    ),
    placeholder_statement=re.compile(_UNDEFINED),
    placeholder_expression=re.compile(_UNDEFINED),
    todo=re.compile(r"(?:--+|\{-)\s*(?:TODO|FIXME|XXX|HOLE|FILL)\b", re.IGNORECASE),
    indent_unit="  ",
    neutral_expressions=("x", "", "X", "x = x", "x -> x", "x <- x"),
    neutral_statements=("x = x", "x", "x -> x", "x :: x"),
    neutral_headers=("", " = x", " where", " x where", " of x -> x"),
    enclosings=(
        ("x = do\n", ""),
        ("x = case x of\n", ""),
    ),
    string_kinds=words("string char"),
    comment_kinds=words("comment pragma haddock"),
    import_kinds=words("import"),
    function_kinds=words("function bind signature"),
    class_kinds=words("class instance data_type newtype"),
    field_kinds=words("type_synonym field"),
    declaration_kinds=words("type_synonym signature"),
    block_kinds=words("declarations class_declarations instance_declarations local_binds alternatives do"),
)
