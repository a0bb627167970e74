"""What sets the languages' source files apart: their names, their comments, and the folders that hold no model code.

Data only; it reads no files.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath

# Wherever they stand, these hold tests, copies of other packages, or translations.
_SKIPPED_EVERYWHERE = frozenset(
    [
        "tests",
        "test",
        "testing",
        "testdata",
        "__tests__",
        "testsuite",
        "unittests",
        "_vendor",
        "vendor",
        "vendored",
        "third_party",
        "node_modules",
        "__pycache__",
        "site-packages",
        "locale",
        "locales",
        "_generated",
        "generated",
        "fixtures",
        "benches",
    ]
)
_HASH_COMMENTS = re.compile(r"#[^\n]*")
_SLASH_COMMENTS = re.compile(r"/\*.*?\*/|//[^\n]*", re.S)


@dataclass(frozen=True, slots=True)
class Language:
    """One language: `suffixes` and `first_line` say what its files are, `skipped_*` which of them are left out.

    Where `first_line` is given, a file whose name has no dot counts if it begins with a match.
    """

    name: str
    suffixes: tuple[str, ...]
    comments: re.Pattern[str] = _SLASH_COMMENTS
    skipped_folders: frozenset[str] = frozenset()
    skipped_names: re.Pattern[str] | None = None
    first_line: re.Pattern[bytes] | None = None
    tabs_are_spaces: bool = False

    def may_be_source(self, path: str) -> bool:
        """Whether the path alone lets a file be of this language."""
        name = PurePosixPath(path).name
        return name.endswith(self.suffixes) or (self.first_line is not None and "." not in name)

    def is_source(self, path: str, raw: bytes) -> bool:
        """Whether a file of this path and content is of this language."""
        if path.endswith(self.suffixes):
            return True
        return self.may_be_source(path) and self.first_line is not None and bool(self.first_line.match(raw[:200]))

    def skips(self, path: str) -> bool:
        """Whether the path tells of tests, copies, builds or translations."""
        parts = PurePosixPath(path).parts
        if {part.lower() for part in parts[:-1]} & (_SKIPPED_EVERYWHERE | self.skipped_folders):
            return True
        return self.skipped_names is not None and bool(self.skipped_names.search(parts[-1]))


_WEB_FOLDERS = frozenset(
    [
        "dist",
        "build",
        "lib-esm",
        "esm",
        "umd",
        "cjs",
        "es",
        "bundle",
        "bundles",
        "min",
        "docs",
        "examples",
        "benchmark",
        "benchmarks",
        "spec",
        "specs",
        "__mocks__",
        "typings",
    ]
)
_C_FOLDERS = frozenset(["deps", "contrib", "docs", "doc", "examples", "win32", "m4", "ecpg"])
LANGUAGES = {
    language.name: language
    for language in (
        Language(
            "python",
            (".py",),
            comments=_HASH_COMMENTS,
            skipped_folders=frozenset({"lib2to3", "idlelib", "migrations"}),
            skipped_names=re.compile(r"^(test_|conftest|_version)"),
            tabs_are_spaces=True,
        ),
        Language(
            "javascript",
            (".js", ".mjs", ".cjs", ".jsx"),
            skipped_folders=_WEB_FOLDERS,
            skipped_names=re.compile(r"[.-](min|test|spec|bundle|umd|prod|production)\.|\.config\.|^(test|bundle)\b"),
        ),
        Language(
            "typescript",
            (".ts", ".tsx", ".mts", ".cts"),
            skipped_folders=_WEB_FOLDERS,
            skipped_names=re.compile(r"\.d\.[mc]?ts$|[.-](test|spec|test-d|bench)\.|\.config\."),
        ),
        Language("go", (".go",), skipped_names=re.compile(r"_test\.go$|\.pb\.|^zz_|^bindata|_string\.go$|^z[a-z]+_")),
        Language("rust", (".rs",), skipped_names=re.compile(r"^(tests?|benches|bindings)\.rs$|_tests?\.rs$")),
        Language("c", (".c", ".h"), skipped_folders=_C_FOLDERS, skipped_names=re.compile(r"^test|_test\.|-test\.")),
        Language("java", (".java",), skipped_names=re.compile(r"^(package|module)-info|Tests?\.java$|TestCase\.java$")),
        Language(
            "shell",
            (".sh", ".bash", ".zsh"),
            comments=re.compile(r"(?:^|(?<=\s))#[^\n]*"),
            first_line=re.compile(
                rb"#!\s*(\S*/)?(env\s+)?(ba|z|da|k)?sh\b|#!\S*/openrc-run|#compdef|#autoload|# .*\n# vim:.*\bft=sh\b"
            ),
            skipped_names=re.compile(r"^(configure|ltmain|config\.(guess|sub)|install-sh)"),
        ),
    )
}
