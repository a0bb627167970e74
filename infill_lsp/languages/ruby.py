"""Ruby, as data."""

from __future__ import annotations

import re

from infill_lsp.languages.language import Language, Quote, words

_VISIBILITY = r"(?:(?:private|public|protected|module_function|private_class_method|memoize)\s+)?"

LANGUAGE = Language(
    id="ruby",
    suffixes=(".rb", ".rake", ".gemspec", ".ru"),
    filenames=("Rakefile", "Gemfile", "Vagrantfile", "Guardfile", "Podfile", "Fastfile"),
    grammar="tree_sitter_ruby",
    line_comments=("#",),
    block_comments=(("=begin", "=end"),),
    quotes=(
        Quote('"', multiline=True, interpolation="#{"),
        Quote("'", multiline=True),
        Quote("`", multiline=True, interpolation="#{"),
        Quote("%w[", closer="]", multiline=True),
        Quote("%i[", closer="]", multiline=True),
        Quote("%w(", closer=")", multiline=True),
    ),
    # Characters (`?"`), globals (`$'`) and patterns, which stand where a value may begin.
    atom=re.compile(
        r"(?<![\w)\]}?])\?(?:\\.|[\"'#(){}\[\]`])(?!\w)|\$[\"'`]|#(?=[{])|(?<=[^\r\n])=begin\b"
        r"|(?:(?<=[(,=~|&!{\[;])|(?<=[(,=~|&!{\[;]\s)|(?<=\bwhen )|(?<=\bif ))"
        r"/(?![\s=*/])(?:\\.|\[(?:\\.|[^\]\\\r\n])*\]|[^/\\\r\n])+/"
    ),
    heredoc=re.compile(r"(?:<<[~-]|(?<=[=(,]\s)<<(?=[A-Z'\"]))['\"`]?(?P<tag>[A-Za-z_]\w*)['\"`]?"),
    blocks="words",
    end_words=words("end else elsif when in rescue ensure }"),
    # A header, alone or as a value; `do` and `{` with parameters; none of these with its own `end` on the line.
    block_opener=re.compile(
        rf"\A\s*{_VISIBILITY}(?:class|module|if|unless|while|until|case|for|begin|elsif|when|in|rescue|ensure|else)\b"
        r"(?!.*(?:\bend\Z|\bthen\s+\S|;\s*\S+\Z))(?!\s*[=.,(?:])"
        rf"|\A\s*{_VISIBILITY}def\s+[^\s(=]+(?:\s*\([^()]*(?:\([^()]*\)[^()]*)*\)|\s+[^=(]+|=\s*\([^()]*\))?\Z"
        r"|(?:=|<<|\breturn)\s*(?:if|unless|case|begin|while)\b(?!.*\bend\Z)"
        r"|(?:\bdo|\bbegin|\bthen|\belse|\{)(?:\s*\|[^|]*\|)?\Z(?<![=(,:]\s\{)(?<![=(,:]\{)"
    ),
    line_is_whole=re.compile(r"(?:\bdo|\{)\s*\|[^|]*\|\Z|;\Z"),
    header_end="{",
    value_brace=re.compile(r"(?:[=(,\[{:|&>?]|\breturn|\bputs|#|%[wiqQr]?)\s*\Z"),
    statement_words=words(
        "def class module require require_relative include extend attr_reader attr_accessor attr_writer private "
        "protected public return while until begin rescue ensure end raise"
    ),
    open_words=words(
        "and or not in unless until while if elsif when case def class module return raise require require_relative "
        "include extend undef alias attr_reader attr_accessor attr_writer puts"
    ),
    known_words=words(
        "and begin break case class def do else elsif end ensure false for if in module next nil not or private "
        "protected public redo rescue retry return self super then true undef unless until when while yield"
    ),
    last_words=words("return raise break next redo retry"),
    placeholder_statement=re.compile(
        r"raise[ \t]+NotImplementedError\b(?:[ \t]*,[ \t]*(?:\"[^\"\r\n]*\"|'[^'\r\n]*'))?"
        r"|raise[ \t(]+(['\"])(?i:not (?:yet )?implemented|todo)\b[^'\"\r\n]*\1\)?"
    ),
    placeholder_expression=re.compile(r"(?<![\w.:])raise[ \t(]+NotImplementedError\b\)?"),
    todo=re.compile(r"#\s*(?:TODO|FIXME|XXX|HOLE|FILL)\b", re.IGNORECASE),
    indent_unit="  ",
    neutral_expressions=("x", "", "x: x", "x => x", "|x|"),
    neutral_statements=("x", "def x; end", "when x"),
    neutral_headers=("", "; end", " x; end"),
    enclosings=(
        ("def x\n", "\nend"),
        ("class X\n", "\nend"),
        ("case x\n", "\nend"),
    ),
    string_kinds=words("string heredoc_body regex subshell string_array symbol_array character"),
    comment_kinds=words("comment"),
    function_kinds=words("method singleton_method"),
    class_kinds=words("class module singleton_class"),
    field_kinds=words("call assignment"),  # `attr_reader :a`, `LIMIT = 3`
    declaration_kinds=words("assignment"),
    block_kinds=words("body_statement block_body then do else begin"),
)
