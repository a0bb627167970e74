"""TypeScript, as data: JavaScript, and what types add to it."""

from __future__ import annotations

import dataclasses
import re

from infill_lsp.languages.javascript import LANGUAGE as _JAVASCRIPT
from infill_lsp.languages.language import words

_OPEN_WORDS = _JAVASCRIPT.open_words | words(
    "interface type enum namespace module declare abstract implements keyof infer is satisfies readonly public "
    "private protected override"
)
_TYPE_WORDS = words("string number boolean any unknown never object symbol bigint constructor")

LANGUAGE = dataclasses.replace(
    _JAVASCRIPT,
    id="typescript",
    names=(),
    suffixes=(".ts", ".mts", ".cts"),
    grammar="tree_sitter_typescript",
    grammar_function="language_typescript",
    header_words=_JAVASCRIPT.header_words
    | words("interface enum namespace module declare abstract public private protected override constructor"),
    statement_words=_JAVASCRIPT.statement_words | words("interface enum namespace declare abstract"),
    block_words=_JAVASCRIPT.block_words | {"interface", "enum", "namespace"},
    member_words=_JAVASCRIPT.member_words | {"interface", "enum"},
    joining_words=_JAVASCRIPT.joining_words | {"implements"},
    # After a `>` stands a block, as in `(): Promise<void> {`, unless it compares.
    value_brace=re.compile(
        _JAVASCRIPT.value_brace.pattern.replace(r"(?<!=)>=?[ \t]+", r"(?<=\S[ \t])>=?[ \t]+")
        + r"|\b(?:(?:import|export)[ \t]+type|type[ \t][^;{}]*\bextends)\s*\Z"
    ),
    open_words=_OPEN_WORDS,
    known_words=_JAVASCRIPT.known_words | _OPEN_WORDS | _TYPE_WORDS,
    # `_: _;` is a labelled statement in a block and a member in an interface.
    neutral_statements=("_;", "_() {}", "_: _;", "case _:"),
    enclosings=(*_JAVASCRIPT.enclosings, ("interface _ {\n", "\n}")),
    function_kinds=_JAVASCRIPT.function_kinds | {"function_signature", "method_signature", "abstract_method_signature"},
    class_kinds=words(
        "class_declaration abstract_class_declaration class interface_declaration enum_declaration internal_module "
        "module"
    ),
    field_kinds=frozenset(
        (
            "public_field_definition",
            "property_signature",
            "index_signature",
            "call_signature",
            "construct_signature",
            "enum_assignment",
            "property_identifier",  # a member of an enumeration without a value
        )
    ),
    declaration_kinds=_JAVASCRIPT.declaration_kinds | {"type_alias_declaration"},
    block_kinds=_JAVASCRIPT.block_kinds | {"interface_body"},
    wrapper_kinds=_JAVASCRIPT.wrapper_kinds | {"ambient_declaration"},
)
