"""OCaml, as data. A word or a sign opens a block; `end` and `done` close some, a dedent the others."""

from __future__ import annotations

import re

from infill_lsp.languages.language import Language, Quote, words

_NOT_IMPLEMENTED = (
    r"(?<![\w.'])failwith\s+\"(?i:not (?:yet )?implemented|todo|unimplemented)\b[^\"\r\n]*\""
    r"|(?<![\w.'])assert\s+false\b"
)

LANGUAGE = Language(
    id="ocaml",
    suffixes=(".ml",),
    grammar="tree_sitter_ocaml",
    grammar_function="language_ocaml",
    block_comments=(("(*", "*)"),),
    comments_nest=True,
    quotes=(Quote("{|", closer="|}", multiline=True, escapes=False), Quote('"', multiline=True)),
    # Characters, and the product as a function: `( * )` may be written `(*)`.
    atom=re.compile(r"(?<![\w'])'(?:\\[^'\r\n]+|\\'|[^'\\\r\n])'|\(\*\)"),
    blocks="words",
    end_words=words("end done"),
    block_opener=re.compile(
        r"(?<![\w'])(?:struct|sig|begin|object|do|then|else|try|with|function)\Z"
        r"|(?:(?<![-!$%&*+./:<=>?@^|~])=|->)\Z"
    ),
    statement_words=words("open include module type exception external class"),
    open_words=words(
        "let rec and in open include module type exception external class val method if then else match with of when "
        "while for to downto fun function mutable as new not mod land lor lxor lsl lsr asr or"
    ),
    known_words=words(
        "None Some and as assert begin bool class constraint do done downto else end exception external false float "
        "for fun function functor if in include inherit initializer int lazy let list match method module mutable "
        "new nonrec object of open option or private rec ref sig string struct then to true try type unit val "
        "virtual when while with"
    ),
    placeholder_statement=re.compile(_NOT_IMPLEMENTED),
    placeholder_expression=re.compile(_NOT_IMPLEMENTED),
    todo=re.compile(r"\(\*+\s*(?:TODO|FIXME|XXX|HOLE|FILL)\b", re.IGNORECASE),
    indent_unit="  ",
    neutral_expressions=("x", "", "X", "x = x", "x : x", "x -> x", "x in x"),
    neutral_statements=("let x = x", "x", "x;", "| x -> x", "val x : x"),
    neutral_headers=("", " = x", " x = x", " = struct end", " with x -> x"),
    enclosings=(
        ("module X = struct\n", "\nend"),
        ("let x =\n", ""),
        ("let x = match x with\n", ""),
    ),
    string_kinds=words("string quoted_string character"),
    comment_kinds=words("comment"),
    import_kinds=words("open_module include_module"),
    function_kinds=words("value_definition value_specification external method_definition"),
    class_kinds=words("module_definition module_type_definition class_definition"),
    field_kinds=words("type_definition exception_definition instance_variable_definition field_declaration"),
    declaration_kinds=words("type_definition exception_definition"),
    block_kinds=words("structure signature object_expression compilation_unit"),
)
