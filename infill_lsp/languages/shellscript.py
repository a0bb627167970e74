"""Shell scripts, as data: what sh, bash and zsh have in common."""

from __future__ import annotations

import re

from infill_lsp.languages.language import Language, Quote, words

LANGUAGE = Language(
    id="shellscript",
    names=("sh", "bash", "zsh", "ksh", "shell"),
    suffixes=(".sh", ".bash", ".zsh", ".ksh", ".bats"),
    filenames=(".bashrc", ".bash_profile", ".bash_aliases", ".profile", ".zshrc", ".zshenv", ".zprofile", "PKGBUILD"),
    grammar="tree_sitter_bash",
    bundle_name="bash",
    line_comments=("#",),
    quotes=(
        Quote("$'", closer="'", multiline=True),
        Quote('"', multiline=True, interpolation="$("),
        Quote("'", multiline=True, escapes=False),
    ),
    # An escaped character, a number sign within a word, and the bracket that ends a pattern of `case`.
    atom=re.compile(
        r"\\[^\r\n]|(?<=[^\s;&|()`])#|(?m:^[ \t]*[^\s()'\"#=$]+(?:[ \t]*\|[ \t]*[^\s()'\"#]+)*[ \t]*\)(?=\s|$))"
    ),
    heredoc=re.compile(r"(?<![<\d)])<<-?[ \t]*[\\'\"]?(?P<tag>[A-Za-z_]\w*)['\"]?"),
    blocks="words",
    header_words=words("if elif for while until select"),
    header_end_words=words("then do"),
    end_words=words("fi done esac else elif then do ;; }"),
    block_opener=re.compile(
        r"(?:\A|[\s;&|(])(?:then|do|else)\Z|\A\s*case\b.*\sin\Z|(?:\)|\A|\s)\{\Z"
        r"|\A\s*\(?(?:'[^']*'|\"[^\"]*\"|[^\s()'\"#=$]+)(?:[ \t]*\|[ \t]*[^\s()'\"#]+)*[ \t]*\)\Z"
    ),
    line_is_whole=re.compile(r";;?\Z|\)\Z|\{\Z"),
    header_end="{",
    value_brace=re.compile(r"(?<![)\s;&|])\Z"),
    statement_words=words(
        "if for while until case function export local readonly declare return exit done fi esac source"
    ),
    open_words=words("if elif while until for case function in export local readonly declare source"),
    known_words=words(
        "break case cd continue declare do done echo elif else esac eval exec exit export false fi for function if "
        "in local printf read readonly return select set shift source test then trap true unset until wait while"
    ),
    last_words=words("return exit break continue exec"),
    placeholder_statement=re.compile(r"(?<!\S):(?=[ \t]*(?:#|;|\Z))"),
    todo=re.compile(r"#\s*(?:TODO|FIXME|XXX|HOLE|FILL)\b", re.IGNORECASE),
    neutral_expressions=("x", "", "x=x", "$x"),
    neutral_statements=(":", "x) : ;;"),
    neutral_headers=("", "; then :; fi", "; do :; done", " x; do :; done", " in x) ;; esac"),
    enclosings=(
        ("x() {\n", "\n}"),
        ("case x in\n", "\nesac"),
    ),
    string_kinds=words("string raw_string ansi_c_string heredoc_body"),
    comment_kinds=words("comment"),
    function_kinds=words("function_definition"),
    field_kinds=words("variable_assignment declaration_command"),
    declaration_kinds=words("variable_assignment declaration_command"),
    block_kinds=words("compound_statement do_group"),
)
