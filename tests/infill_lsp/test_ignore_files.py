"""Ignored files: the same answers as git's own, at every level, and no look at the disk for a keystroke."""

from __future__ import annotations

import os
import random
import subprocess
from pathlib import Path

import pytest

from infill_lsp.excludes.ignore_files import IgnoreFiles
from infill_lsp.excludes.ignore_rules import RuleFile, ignored_by, rules_in


@pytest.fixture(autouse=True)
def _no_git_of_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")


def git(folder: Path, *arguments: str, stdin: str = "") -> str:
    command = ["git", "-C", str(folder), *arguments]
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stderr
    return done.stdout


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def check_as_git(root: Path, paths: list[str]) -> None:
    """Every path is judged as git judges it."""
    named = set(git(root, "check-ignore", "--no-index", "--stdin", "-z", stdin="\0".join(paths)).split("\0")) - {""}
    judge = IgnoreFiles()
    found = {path for path in paths if judge.verdict(str(root / path), root).git is not None}
    assert found == named


def test_every_level_counts_and_deeper_ones_win(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    write(
        tmp_path,
        {
            ".gitignore": "*.log\n/build/\n!keep.log\nout/**\n!out/kept/\ndata/*\n!data/kept/\n# no\n\\#yes\n",
            "a/.gitignore": "!*.log\n/b/x.py\n*.tmp\r\n",
            "a/b/.gitignore": "!x.py\nfoo*bar*baz.py\n",
            "build/.gitignore": "!*\n",
            ".git/info/exclude": "local.py\n!x.log\n",
            "config/git/ignore": "mine.py\n!local.py\n",
        },
    )
    names = [
        "x.log",
        "keep.log",
        "a/x.log",
        "a/b/x.log",
        "build/x.py",
        "a/build/x.py",
        "out/x.py",
        "out/kept/x.py",
        "data/x.py",
        "data/kept/x.py",
        "#yes",
        "# no",
        "a/b/x.py",
        "a/x.tmp",
        "b/x.tmp",
        "a/b/foo1bar2bar3baz.py",
        "a/b/foobar.py",
        "local.py",
        "a/local.py",
        "mine.py",
        "main.py",
    ]
    check_as_git(tmp_path, names)
    verdict = IgnoreFiles().verdict(str(tmp_path / "a/x.tmp"), None)
    assert verdict.git == "a/.gitignore, line 3"


@pytest.mark.parametrize("seed", range(12))
def test_random_rules_mean_what_git_takes_them_for(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    git(tmp_path, "init", "-q")
    parts = ["a", "b", "ab", "*", "a*", "*b", "**", "?", "[ab]", "[!a]", "*a*b*", "a.py", "*.py"]

    def pattern() -> str:
        text = "/".join(chance.choices(parts, k=chance.randint(1, 3)))
        return chance.choice(["", "", "", "!"]) + chance.choice(["", "", "/"]) + text + chance.choice(["", "", "/"])

    for folder in ("", "a/", "a/b/"):
        write(tmp_path, {f"{folder}.gitignore": "\n".join(pattern() for _ in range(chance.randint(1, 4)))})
    names = ["a", "b", "ab", "aab", "ba"]
    folders = ["/".join(chance.choices(names, k=chance.randint(0, 3))) for _ in range(40)]
    check_as_git(tmp_path, sorted({f"{folder}/{name}.py".lstrip("/") for folder in folders for name in names}))


def test_a_linked_work_tree_shares_the_excludes_of_its_repository(tmp_path: Path) -> None:
    main = tmp_path / "main"
    main.mkdir()
    git(main, "init", "-q")
    git(main, "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "--allow-empty", "-m", "x")
    git(main, "worktree", "add", "-q", str(tmp_path / "tree"))
    write(main, {".git/info/exclude": "local.py\n"})
    check_as_git(tmp_path / "tree", ["local.py", "a/local.py", "other.py"])


def test_without_a_repository_the_open_folder_is_the_top(tmp_path: Path) -> None:
    project = tmp_path / "project"
    write(project, {".gitignore": "secret.py\n", "../.gitignore": "*\n"})
    judge = IgnoreFiles()
    assert judge.verdict(str(project / "a/secret.py"), project).git is not None
    assert judge.verdict(str(project / "a/other.py"), project).git is None
    assert judge.verdict(str(project / "a/secret.py"), None).git is None


def test_our_own_ignore_file_counts_from_the_open_folder_and_takes_back_only_its_own(tmp_path: Path) -> None:
    write(tmp_path, {".infillignore": "own.py\n!git.py\n", "repo/.gitignore": "git.py\n", "repo/.git/HEAD": ""})
    judge = IgnoreFiles()
    assert judge.verdict(str(tmp_path / "repo/own.py"), tmp_path).own == ".infillignore, line 1"
    assert judge.verdict(str(tmp_path / "repo/git.py"), tmp_path).git == ".gitignore, line 1"
    assert judge.verdict(str(tmp_path / "repo/own.py"), tmp_path / "repo").own is None


def test_a_keystroke_looks_at_no_file_and_a_change_is_seen_after_two_seconds(tmp_path: Path) -> None:
    now = 0.0
    judge = IgnoreFiles(lambda: now)
    path = str(tmp_path / "x.py")
    for text, is_named in (("x.py\n", True), ("other.py\n", False), ("# a comment\nx.py\n", True)):
        write(tmp_path, {".gitignore": text})
        assert (judge.verdict(path, tmp_path).git is not None) == is_named
        write(tmp_path, {".gitignore": "!x.py\n" if is_named else "*\n"})
        now += 1.9
        assert (judge.verdict(path, tmp_path).git is not None) == is_named
        now += 0.2


def test_an_ignore_file_is_read_once_as_long_as_it_stays(tmp_path: Path) -> None:
    write(tmp_path, {".gitignore": "x.py\n"})
    found = (tmp_path / ".gitignore").stat()
    now = 0.0
    judge = IgnoreFiles(lambda: now)
    assert judge.verdict(str(tmp_path / "x.py"), tmp_path).git is not None
    with (tmp_path / ".gitignore").open("r+") as file:  # Another rule behind the same time and size.
        file.write("y.py")
    os.utime(tmp_path / ".gitignore", ns=(found.st_atime_ns, found.st_mtime_ns))
    now = 60.0
    assert judge.verdict(str(tmp_path / "x.py"), tmp_path).git is not None


def test_a_rule_of_many_stars_costs_little(tmp_path: Path) -> None:
    rules = rules_in("*a" * 100 + "*b\n")
    assert ignored_by("/" + "a" * 5_000, [RuleFile("/", rules, "x")]) is None
    assert ignored_by("/" + "a" * 5_000 + "b", [RuleFile("/", rules, "x")]) == "x, line 1"


@pytest.mark.parametrize("text", ["!\n", "/\n", "[\n", "a[\n", "\\\n", "\x00\n", "   \n", "[z-a]\n", "**\n***\n"])
def test_an_odd_line_breaks_nothing(text: str) -> None:
    files = [RuleFile("/", rules_in(text + "x.py\n"), "f")]
    assert ignored_by("/x.py", files) is not None


def test_what_is_no_plain_file_has_no_rules(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").mkdir()
    os.mkfifo(tmp_path / ".infillignore")
    verdict = IgnoreFiles().verdict(str(tmp_path / "x.py"), tmp_path)
    assert (verdict.own, verdict.git) == (None, None)
    assert IgnoreFiles().verdict("relative.py", tmp_path).git is None
    assert IgnoreFiles().verdict("/a\0.py", tmp_path).git is None
