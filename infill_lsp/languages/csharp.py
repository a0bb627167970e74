"""C#, as data."""

from __future__ import annotations

import re

from infill_lsp.languages.language import Language, Quote, words

_NOT_IMPLEMENTED = r"throw\s+new\s+(?:System\.)?NotImplementedException\s*\([^()\r\n]*\)"

LANGUAGE = Language(
    id="csharp",
    names=("c#", "cs"),
    suffixes=(".cs", ".csx"),
    grammar="tree_sitter_c_sharp",
    bundle_name="c_sharp",
    line_comments=("//",),
    block_comments=(("/*", "*/"),),
    quotes=(
        Quote('$$"""', closer='"""', multiline=True, escapes=False, interpolation="{{"),
        Quote('$"""', closer='"""', multiline=True, escapes=False, interpolation="{"),
        Quote('"""', multiline=True, escapes=False),
        Quote('$@"', closer='"', multiline=True, escapes=False, interpolation="{", interpolation_escape="{{"),
        Quote('@$"', closer='"', multiline=True, escapes=False, interpolation="{", interpolation_escape="{{"),
        Quote('@"', closer='"', multiline=True, escapes=False),
        Quote('$"', closer='"', interpolation="{", interpolation_escape="{{"),
        Quote('"'),
        Quote("'"),
    ),
    # The text of these directives is free: `#region Bob's part`.
    atom=re.compile(r"#[ \t]*(?:region|endregion|error|warning|pragma)\b[^\r\n]*"),
    blocks="braces",
    header_end="{",
    header_words=words(
        "if else for foreach while do switch try catch finally using lock fixed unsafe checked unchecked namespace "
        "class struct interface record enum"
    ),
    # Initialisers, patterns, `switch` as an expression, and the members of an enumeration.
    value_brace=re.compile(
        r"(?:(?<![=!<>])=|[(,\[]|\bnew\b[^;{}()]*(?:\([^(){};]*\))?|\bwith|\bis(?:\s+not)?(?:\s+[A-Z][\w.]*)?|\bswitch"
        r"|\benum\s+\w+(?:\s*:\s*\w+)?)\s*\Z"
    ),
    block_words=words(
        "if else for foreach while do switch try catch finally using lock namespace class struct interface record enum"
    ),
    bare_words=words("if else for foreach while do using lock"),
    label_words=words("case default"),
    case_words=words("switch"),
    member_words=words("class struct interface record enum namespace"),
    joining_words=words("where"),
    statement_end=";",
    statement_needs_end=True,
    statement_words=words(
        "using namespace class struct interface enum record public private protected internal static sealed abstract "
        "return foreach while throw try finally break continue do lock goto"
    ),
    open_words=words(
        "return throw new using namespace class struct interface enum record public private protected internal "
        "static sealed abstract virtual override async readonly const partial event delegate operator in is as out "
        "ref await case goto foreach while if for switch lock catch where when and or not var typeof nameof with "
        "from select"
    ),
    known_words=words(
        "abstract as async await base bool break byte case catch char class const continue decimal default delegate "
        "do double else enum event false finally fixed float for foreach get goto if in int interface internal is "
        "lock long namespace new null object operator out override params partial private protected public readonly "
        "record ref return sbyte sealed set short static string struct switch this throw true try typeof uint ulong "
        "ushort using var virtual void volatile while yield"
    ),
    last_words=words("return throw break continue goto"),
    placeholder_statement=re.compile(_NOT_IMPLEMENTED + r"\s*;"),
    placeholder_expression=re.compile(_NOT_IMPLEMENTED),
    todo=re.compile(r"(?://|/\*)\s*(?:TODO|FIXME|XXX|HOLE|FILL)\b", re.IGNORECASE),
    neutral_expressions=("_", "", "int _", "_ = _"),
    neutral_statements=("int _;", "_();", "class _ { }", "_,"),
    neutral_headers=("", " { }", "() { }", ") { }"),
    enclosings=(
        ("class X {\n", "\n}"),
        ("class X { void x() {\n", "\n}}"),
        ("class X { X x = new X {\n", "\n}; }"),
        ("enum X {\n", "\n}"),
        ("class X { void x() { switch (x) {\n", "\n}}}"),
    ),
    string_kinds=words(
        "string_literal verbatim_string_literal raw_string_literal interpolated_string_expression character_literal"
    ),
    comment_kinds=words("comment"),
    import_kinds=words("using_directive extern_alias_directive"),
    function_kinds=words(
        "method_declaration constructor_declaration destructor_declaration operator_declaration "
        "conversion_operator_declaration local_function_statement"
    ),
    class_kinds=words(
        "class_declaration struct_declaration interface_declaration record_declaration enum_declaration "
        "namespace_declaration"
    ),
    field_kinds=words(
        "field_declaration property_declaration event_field_declaration event_declaration indexer_declaration "
        "enum_member_declaration delegate_declaration"
    ),
    declaration_kinds=words("delegate_declaration global_statement"),
    block_kinds=words("block declaration_list switch_section accessor_list enum_member_declaration_list"),
)
