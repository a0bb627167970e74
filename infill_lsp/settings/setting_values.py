"""Every setting, each defined once: type, default, what it takes, what it means, and how far a project is trusted.

Reading, the JSON schema and the table of docs/settings.md all follow from here. It knows no file and no source.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cache
from typing import Any, Literal, cast

from infill_lsp.excludes.refusal import MAX_BYTES
from infill_lsp.languages import language_for
from infill_lsp.settings.setting_kinds import GLOBS, MINUTES, PROBABILITY, SWITCH, TEXT, Kind, one_of, whole

SECRETS = (
    ".env*",
    ".dev.vars",
    "*.pem",
    "*.key",
    "*.p12",
    "*.pfx",
    "*.jks",
    "*.keystore",
    "*.kdbx",
    "*.gpg",
    "*.ppk",
    "*.ovpn",
    "*.tfstate",
    "*.tfvars",
    "id_rsa*",
    "id_dsa*",
    "id_ecdsa*",
    "id_ed25519*",
    "secrets.yml",
    "secrets.yaml",
    "secrets.json",
    "secrets.toml",
    "credentials.json",
    ".netrc",
    "_netrc",
    ".pgpass",
    ".my.cnf",
    ".pypirc",
    ".npmrc",
    ".git-credentials",
    ".git/config",
    ".htpasswd",
    ".vault-token",
    ".ssh",
    ".gnupg",
    ".aws",
    ".kube",
)
"""Names of files and folders that usually hold secrets: never handed to an engine, whatever the settings say."""

MAX_CANDIDATES = 8
"""The most fills that one request may ask for: the engine tries no more."""

Trust = Literal["yes", "never", "lower"]
"""What a project's own file, which may come from a stranger, may do to a key: set it, not touch it, only lower it."""


@dataclass(frozen=True, slots=True)
class Definition:
    """One key. `meaning` stands in the documentation; a key that is `by_language` can be set for a language alone."""

    name: str
    default: Any
    kind: Kind
    meaning: str
    project: Trust
    by_language: bool


def _key(default: Any, kind: Kind, meaning: str, *, project: Trust = "yes", by_language: bool = True) -> Any:
    """Define a key. `lower` counts false as lower than true."""
    told = {"kind": kind, "meaning": meaning, "project": project, "by_language": by_language}
    return field(default=default, metadata=told)


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything a user can set. `languages` holds, for the ids of languages, what differs there."""

    model: str = _key(
        "bundled",
        TEXT,
        '`"bundled"`, the name of a checkpoint that `infill-lsp tune` made, the id of one that `infill-lsp download` '
        'fetched, a folder with a checkpoint, or `"fake:TEXT"`, which always suggests TEXT (for work on editors)',
        project="never",
        by_language=False,
    )
    precision: str = _key(
        "auto",
        one_of("auto", "bf16", "int8", "int4"),
        'how a large checkpoint\'s weights are kept: `"bf16"` as they were made, `"int8"` and `"int4"` in less memory; '
        '`"auto"` takes the best that fits the memory of the device',
        project="never",
        by_language=False,
    )
    num_candidates: int = _key(
        4,
        whole(1, MAX_CANDIDATES),
        f"how many fills to try, 1 to {MAX_CANDIDATES}; when the user asks explicitly, all that may be shown are "
        "offered; while typing at most two are tried, for speed, and the better is shown",
    )
    max_file_bytes: int = _key(
        1_000_000,
        whole(1, MAX_BYTES),
        f"larger files, measured in UTF-8, are left alone; at most {MAX_BYTES}",
        project="lower",
    )
    deadline_ms: int = _key(5000, whole(1, 600_000), "after so long the engine answers with the best it has")
    idle_minutes: float = _key(
        15.0,
        MINUTES,
        "the engine host gives the memory back after so long without a request",
        project="never",
        by_language=False,
    )
    debounce_ms: int = _key(
        75,
        whole(0, 10_000),
        "how long a pause in typing must be before ghost text is computed; longer where fills are slow, see below",
    )
    min_confidence: float = _key(
        0.02,
        PROBABILITY,
        "while the user types, a fill that the model is less sure of is not shown: the probability that it is exactly "
        "right, 0 to 1; 0 shows all. Who asks explicitly sees all. A checkpoint that was never measured counts as "
        "sure; [models.md](models.md) has the figures",
    )
    learn_threshold: bool = _key(
        True,
        SWITCH,
        "where suggestions are mostly dismissed, the model must be surer than `min_confidence` says, see below",
    )
    max_prefix_chars: int = _key(6000, whole(0, 1_000_000), "how much text before the hole the model is shown")
    max_suffix_chars: int = _key(2000, whole(0, 1_000_000), "how much text after the hole the model is shown")
    context: str = _key(
        "file",
        one_of("file", "outline"),
        '`"file"` shows the model the text around the hole as it is; `"outline"` shows more within the same limits: '
        "imports, headers of definitions further away, and pieces of other open documents ([context.md](context.md))",
        project="never",
    )
    in_strings: bool = _key(False, SWITCH, "with the caret in a string, fill the rest of it on that line")
    in_comments: bool = _key(False, SWITCH, "the same in a comment")
    enabled: bool = _key(
        True,
        SWITCH,
        "`false` switches everything off in editors; `infill-lsp fill` still fills, since it runs only when asked to",
        project="lower",
    )
    exclude: tuple[str, ...] = _key(
        SECRETS, GLOBS, "globs of files that are never handed to a model, see below", by_language=False
    )
    fill_ignored_files: bool = _key(
        False,
        SWITCH,
        "`true`: files that git ignores are filled and read like others; what `.infillignore` names never is",
        project="never",
        by_language=False,
    )
    log_level: str = _key(
        "info",
        one_of("error", "warning", "info", "debug"),
        "what the log file holds: `error`, `warning`, `info` or `debug`",
        project="never",
        by_language=False,
    )
    log_source: bool = _key(
        False,
        SWITCH,
        "`true`: the log may hold source text and whole file names",
        project="never",
        by_language=False,
    )
    languages: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def for_language(self, language_id: str) -> Settings:
        """Return the settings that hold in documents of a language, which the editor names as it likes."""
        if not self.languages:
            return self
        own = self.languages.get(language_for(language_id).id)
        return replace(self, **cast("dict[str, Any]", own)) if own else self


@cache
def definitions() -> Mapping[str, Definition]:
    """Give every key that can be set, in the order of the documentation."""
    return {
        each.name: Definition(each.name, each.default, **each.metadata) for each in fields(Settings) if each.metadata
    }
