"""C++, as data: C, and what classes, templates and lambdas add to it."""

from __future__ import annotations

import dataclasses
import re

from infill_lsp.languages.c import LANGUAGE as _C
from infill_lsp.languages.language import Quote, words

_OPEN_WORDS = _C.open_words | words(
    "class namespace template typename using public private protected virtual explicit friend operator constexpr "
    "new delete throw try catch co_await co_yield co_return"
)
_COMPLETE_WORDS = words("this nullptr override final noexcept std")
_MESSAGE = r'"[^"\r\n]*(?i:not (?:yet )?implemented|unimplemented|todo)[^"\r\n]*"'

LANGUAGE = dataclasses.replace(
    _C,
    id="cpp",
    names=("c++", "cuda-cpp"),
    suffixes=(".cpp", ".cc", ".cxx", ".hpp", ".hh", ".hxx", ".ipp", ".tpp", ".inl", ".cu", ".cuh"),
    grammar="tree_sitter_cpp",
    quotes=(Quote('R"(', ')"', multiline=True, escapes=False), *_C.quotes),
    # Raw strings with a delimiter, of bounded length so that many unclosed ones cost little, and digit separators.
    atom=re.compile(
        r"""R"(?P<delimiter>[^\s()\\"]{1,16})\((?:[^)]|\)(?!(?P=delimiter)")){0,2000}\)(?P=delimiter)\""""
        r"|(?<=[0-9a-fA-F])'(?=[0-9a-fA-F]+(?:[^0-9a-fA-F']|'[0-9a-fA-F]))"
    ),
    atom_spans_lines=True,
    header_words=_C.header_words
    | words("class namespace template try catch public private protected virtual explicit friend constexpr auto"),
    block_words=_C.block_words | words("class namespace try catch"),
    flat_words=words("namespace extern"),
    member_words=_C.member_words | words("class"),
    mark=re.compile(r"(?!default\b)(?:[A-Za-z_]\w*|(?:public|protected|private)[ \t]+\w+)[ \t]*:"),
    # As in C, and a type right before the brace, without a blank: `std::vector<int>{`, `T{`.
    value_brace=re.compile(
        _C.value_brace.pattern + r"|(?:[\w>](?<!\belse)(?<!\bdo)(?<!\btry)(?<!const)(?<!override)(?<!noexcept)"
        r"(?<!final)(?<!mutable))\Z|\bnew\s+[\w:]+(?:<[^<>{}]*>)?(?:\[\w*\])?\s*\Z"
    ),
    statement_words=_C.statement_words
    | words("class namespace template using virtual explicit friend constexpr throw try"),
    open_words=_OPEN_WORDS,
    known_words=_C.known_words | _OPEN_WORDS | _COMPLETE_WORDS,
    last_words=_C.last_words | {"throw", "co_return"},
    placeholder_statement=re.compile(_C.placeholder_statement.pattern + rf"|\bthrow[ \t]+[\w:]+\({_MESSAGE}\)[ \t]*;"),
    neutral_expressions=(*_C.neutral_expressions, "auto _ : _"),
    neutral_statements=(*_C.neutral_statements, "void _() {}"),
    enclosings=(
        ("class _ {\n", "\n};"),
        ("void _() {\n", "\n}"),
        ("_ _[] = {\n", "\n};"),
        ("enum _ {\n", "\n};"),
        ("void _() { switch (_) {\n", "\n}}"),
    ),
    string_kinds=_C.string_kinds | {"raw_string_literal"},
    import_kinds=words("preproc_include using_declaration"),
    class_kinds=_C.class_kinds | {"class_specifier", "namespace_definition"},
    field_kinds=_C.field_kinds | {"declaration", "alias_declaration", "access_specifier"},
    block_kinds=_C.block_kinds | {"field_declaration_list"},
    wrapper_kinds=_C.wrapper_kinds | {"template_declaration"},
)
