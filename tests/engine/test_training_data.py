"""What is learnt from: which licences and files are taken, what counts as a copy, and archives as managers ship."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import tarfile
from collections.abc import Callable
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import pytest

from engine.training.data.cleaning import fingerprint, keep, looks_written, normalise
from engine.training.data.collect import Choice, assemble, collect
from engine.training.data.duplicates import NEARLY_THE_SAME, Seen, shingles, similarity
from engine.training.data.languages import LANGUAGES
from engine.training.data.licences import debian_licences, has_copyleft_header, is_permissive
from engine.training.data.managers import apt_source, npm
from engine.training.data.pack import condense
from engine.training.data.package import Package
from engine.training.data.source import HELD_OUT_FILE, SourceFile, read_sources, write_sources
from engine.training.held_out import held_out_files

_COPYRIGHT = """Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/

Files: *
Copyright: someone
License: BSD-3-clause

Files: programs/*.c
 lib/odd?.c
License: GPL-2+

License: GPL-2+
 Some text.
"""


def _go(name: str, num_functions: int = 30) -> str:
    return "package p\n\n" + "".join(
        f"func {name}{index}(value int) int {{\n\tif value > {index} {{\n\t\treturn value * {index}\n\t}}\n"
        f"\treturn {name}(value - {index})\n}}\n\n"
        for index in range(num_functions)
    )


def _package(name: str, contents: dict[str, str], licence: str = "MIT") -> Package:
    def members(wanted: Callable[[str], bool]):
        return ((path, text.encode()) for path, text in contents.items() if wanted(path))

    return Package(name, "1", licence, "0" * 64, members, lambda path: "GPL-3" if "gpl" in path else licence)


def _choice(package: Package, held_out: bool = False, language: str = "go") -> Choice:
    return Choice(package, LANGUAGES[language], "apt", held_out)


def _tar(path: Path, contents: dict[str, str]) -> Path:
    with tarfile.open(path, "w:gz") as bundle:
        for name, text in contents.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text.encode())
            bundle.addfile(entry, io.BytesIO(text.encode()))
    return path


@pytest.mark.parametrize(
    ("expression", "permissive"),
    [
        ("MIT", True),
        ("Apache-2.0 WITH LLVM-exception", True),
        ("BSD-3-Clause AND 0BSD AND MIT AND Zlib AND CC0-1.0", True),
        ("GPL-2+ or Artistic or Expat", True),
        ("MIT License; BSD License", True),
        ("public-domain", True),
        ("GPL-2+", False),
        ("LGPLv3+", False),
        ("MIT AND MPL-2.0", False),
        ("GPL-2 and (MIT or BSD)", False),
        ("BSD-4-clause", False),
        ("SEE LICENSE IN FILE", False),
        ("", False),
    ],
)
def test_a_licence_is_taken_when_it_leaves_a_permissive_choice(expression: str, permissive: bool):
    assert is_permissive(expression) is permissive


def test_a_debian_copyright_file_gives_each_file_its_licence():
    licence_of = debian_licences(_COPYRIGHT)
    assert licence_of("*") == "BSD-3-clause"
    assert licence_of("lib/plain.c") == "BSD-3-clause"
    assert licence_of("programs/deep/main.c") == "GPL-2+", "a star matches slashes"
    assert licence_of("usr/src/thing/lib/odd1.c") == "GPL-2+", "below a folder of the binary package"
    assert debian_licences("Just prose, MIT.")("a.c") == "", "not machine-readable"


def test_a_package_that_is_not_permissive_is_refused():
    with pytest.raises(RuntimeError, match=r"thing 1 is licensed as 'GPL-3'; take it out of packages\.json"):
        assemble([_choice(_package("thing", {}, licence="GPL-3"))])


def test_a_copyleft_file_of_a_permissive_package_is_left_out():
    marked = "// GNU General Public License, version 2\n" + _go("marked")
    assert has_copyleft_header(marked)
    contents = {"a.go": _go("plain"), "gpl/b.go": _go("ruled"), "c.go": marked}
    kept, records = assemble([_choice(_package("thing", contents))])
    assert [source.path for source in kept] == ["a.go"]
    assert (records[0].files, records[0].characters) == (1, len(kept[0].text))


@pytest.mark.parametrize(
    ("language", "path", "kept"),
    [
        ("python", "pkg/a.py", True),
        ("python", "pkg/tests/a.py", False),
        ("python", "pkg/test_a.py", False),
        ("javascript", "lib/a.js", True),
        ("javascript", "dist/a.js", False),
        ("javascript", "lib/a.min.js", False),
        ("typescript", "src/a.d.ts", False),
        ("go", "pkg/a_test.go", False),
        ("go", "vendor/x/a.go", False),
        ("rust", "crate/benches/a.rs", False),
        ("c", "deps/lib/a.c", False),
        ("java", "src/main/java/A.java", True),
        ("java", "src/test/java/A.java", False),
        ("shell", "bin/configure", False),
    ],
)
def test_tests_builds_and_copies_of_other_packages_are_left_out(language: str, path: str, kept: bool):
    assert keep(path, _go("name"), LANGUAGES[language]) is kept


@pytest.mark.parametrize(
    "text",
    [
        "x = 1\n",
        "// Code generated by a tool. DO NOT EDIT.\n" + _go("made"),
        "// -----BEGIN RSA PRIVATE KEY-----\n" + _go("key"),
        'var token = "ghp_' + "a" * 36 + '"\n' + _go("key"),
        "func HasCloseElements() {}\n" + _go("asked"),
        "// Permission is hereby granted, free of charge, to any person.\n" * 20,
        'var s = "' + "y" * 400 + '"\n' + _go("long"),
    ],
    ids=["short", "generated", "key", "token", "benchmark", "licence", "long line"],
)
def test_what_nobody_wrote_or_should_learn_is_left_out(text: str):
    assert keep("a.go", _go("plain"), LANGUAGES["go"])
    assert not keep("a.go", text, LANGUAGES["go"])


def test_minified_code_and_tables_of_numbers_do_not_look_written():
    assert looks_written(_go("plain"))
    assert not looks_written("function(a,b){return(a+b)};\n".replace(" ", "") * 40)
    assert not looks_written("0x1f, 0x20, 0x21, 0x22,\n" * 40)


def test_tabs_stay_where_a_language_indents_with_them():
    assert normalise("\tx = 1 \r\n", LANGUAGES["python"]) == "    x = 1\n"
    assert normalise("\ufeff\tx := 1 \r\n", LANGUAGES["go"]) == "\tx := 1\n"


def test_a_shell_script_is_known_by_its_first_line():
    shell = LANGUAGES["shell"]
    assert shell.is_source("bin/run", b"#!/usr/bin/env bash\n")
    assert shell.is_source("_tool", b"#compdef tool\n")
    assert not shell.is_source("bin/run", b"#!/usr/bin/python3\n")
    assert not shell.is_source("notes.txt", b"#!/bin/sh\n")


def test_copies_are_known_whatever_their_comments_and_spacing():
    go = LANGUAGES["go"]
    assert fingerprint("a() // one\n", go) == fingerprint("a( ) /* two\n */", go)
    assert fingerprint("x = 1  # one\n\ny = 2\n") == fingerprint("x=1\ny = 2\n")
    assert fingerprint("a()\n", go) != fingerprint("b()\n", go)


def test_near_copies_are_known_and_others_are_not():
    go, seen = LANGUAGES["go"], Seen()
    text = _go("name", 60)
    near, far = text.replace("value * 1", "value + 1"), text.replace("value", "other")
    assert similarity(shingles(text), shingles(near)) >= NEARLY_THE_SAME > similarity(shingles(text), shingles(far))
    assert seen.add(text, go)
    assert not seen.add(near, go)
    assert seen.add(far, go)
    assert seen.add(text, LANGUAGES["java"]), "another language's files are apart"


def test_nothing_held_out_is_learnt_though_the_learnt_package_comes_first():
    shared = _go("shared", 60)
    learnt = _package("learnt", {"a.go": shared.replace("value * 7", "value * seven"), "b.go": _go("own")})
    kept, records = assemble([_choice(learnt), _choice(_package("apart", {"z.go": shared}), held_out=True)])
    assert [(source.package, source.path, source.held_out) for source in kept] == [
        ("learnt", "b.go", False),
        ("apart", "z.go", True),
    ]
    assert [record.name for record in records] == ["learnt", "apart"]


def test_an_npm_archive_is_read(tmp_path: Path):
    described = json.dumps({"name": "@scope/thing", "version": "2.0.0", "license": "ISC"})
    package = npm.read(_tar(tmp_path / "t.tgz", {"package/package.json": described, "package/src/a.ts": "let a\n"}))
    assert (package.name, package.version, package.licence) == ("@scope/thing", "2.0.0", "ISC")
    assert list(package.members(lambda path: path.endswith(".ts"))) == [("src/a.ts", b"let a\n")]
    assert npm.fetch(["@scope/thing"], tmp_path)[0].sha256 == package.sha256, "what is there is not fetched again"


def test_a_debian_source_package_is_read(tmp_path: Path):
    _tar(tmp_path / "thing_1.orig.tar.gz", {"thing-1/lib/a.c": "int a;\n"})
    _tar(tmp_path / "thing_1-1.debian.tar.gz", {"debian/copyright": _COPYRIGHT})
    listed = "".join(f" {'0' * 64} 1 {name}\n" for name in ("thing_1.orig.tar.gz", "thing_1-1.debian.tar.gz"))
    (tmp_path / "thing_1-1.dsc").write_text(f"Source: thing\nVersion: 1-1\nChecksums-Sha256:\n{listed}")
    package = apt_source.read(tmp_path / "thing_1-1.dsc")
    assert (package.name, package.version, package.licence) == ("thing", "1-1", "BSD-3-clause")
    assert list(package.members(lambda path: path.endswith(".c"))) == [("lib/a.c", b"int a;\n")]
    (tmp_path / "thing_1.orig.tar.gz").unlink()
    with pytest.raises(RuntimeError, match="lacks its archives"):
        apt_source.read(tmp_path / "thing_1-1.dsc")


def test_sources_come_back_from_disk_as_they_were(tmp_path: Path):
    sources = [SourceFile("p", "a.go", "é\n\t\n", held_out=True, language="go")]
    write_sources(sources, tmp_path / "sources.jsonl.gz")
    assert read_sources(tmp_path / "sources.jsonl.gz") == sources


def test_only_python_is_condensed():
    text = 'def f():\n    """First words.\n\n    Many more words.\n    """\n    return 1\n'
    python = [SourceFile("p", f"{index}.py", text, False) for index in range(12)]
    assert any("Many more" not in condense(file) for file in python)
    assert all(condense(replace(file, language="shell")) == text for file in python)


def test_an_unknown_language_is_refused_by_name(tmp_path: Path):
    with pytest.raises(RuntimeError, match="no packages for cobol; choose from python, javascript"):
        collect(tmp_path, ["cobol"])


def test_the_manifest_tells_of_every_package_on_the_list_and_all_are_permissive():
    folder = files("engine.training.data")
    wanted = json.loads(folder.joinpath("packages.json").read_text())
    records = json.loads(folder.joinpath("manifest.json").read_text())
    assert list(wanted) == list(LANGUAGES)
    listed = {
        (language, manager, name, part == "held_out")
        for language, managers in wanted.items()
        for manager, parts in managers.items()
        for part, names in parts.items()
        for name in names
    }
    told = {(row["language"], row["manager"], row["name"], row["held_out"]) for row in records}
    assert told == listed | {("python", "interpreter", "python", False)}
    assert all(is_permissive(row["licence"]) and row["characters"] for row in records)
    for language in LANGUAGES:
        assert {row["held_out"] for row in records if row["language"] == language} == {True, False}


def test_held_out_files_are_read_back_by_language(tmp_path: Path) -> None:
    files = [
        SourceFile("p", "a.py", "x = 1\n", held_out=True),
        SourceFile("p", "b.go", "package p\n", held_out=True, language="go"),
        SourceFile("q", "c.py", "y = 'é'\n", held_out=False),
    ]
    write_sources(files, tmp_path / HELD_OUT_FILE)
    assert held_out_files(tmp_path) == files[:2]
    assert held_out_files(tmp_path, ["python"]) == files[:1]


def test_tuning_needs_nothing_that_collecting_does() -> None:
    without = "import sys; sys.modules['datasketch'] = None; sys.modules['matplotlib'] = None"
    subprocess.run([sys.executable, "-c", f"{without}; import engine.training.tune_job"], check=True)
