"""Every mistake a user can make at the command line gets one clear line and exit status 2."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from run_cli import check_mistake, run_cli

from infill_lsp.cli.mistake import Mistake
from infill_lsp.cli.source_file import offset_of_place
from infill_lsp.text.line_index import LineIndex

pytestmark = pytest.mark.usefixtures("private_folders")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A file of two lines, the second with a line break."""
    file = tmp_path / "source.py"
    file.write_bytes(b"first = 1\nsecond = \n")
    return file


def test_no_such_file(tmp_path: Path) -> None:
    check_mistake("fill", tmp_path / "absent.py", "--at", "1:1", says="absent.py: no such file")


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    check_mistake("fill", tmp_path / "no/absent.py", "--at", "1:1", says="absent.py: no such file")


def test_a_file_where_a_folder_should_be(source: Path) -> None:
    check_mistake("fill", source / "inside.py", "--at", "1:1", says="cannot be read: Not a directory")


def test_a_directory(tmp_path: Path) -> None:
    check_mistake("fill", tmp_path, "--at", "1:1", says="is a directory")


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.py")
    check_mistake("fill", tmp_path / "pipe.py", "--at", "1:1", says="is not a regular file")


def test_a_file_that_cannot_be_read() -> None:
    # Reading one's own memory at address 0 fails for every user, root included.
    check_mistake("fill", "/proc/self/mem", "--at", "1:1", says="/proc/self/mem cannot be read: ")


def test_a_circle_of_links(tmp_path: Path) -> None:
    (tmp_path / "a.py").symlink_to("b.py")
    (tmp_path / "b.py").symlink_to("a.py")
    check_mistake("fill", tmp_path / "a.py", "--at", "1:1", says="cannot be read: Too many levels of symbolic links")


def test_a_file_name_with_a_line_break_stays_one_line(tmp_path: Path) -> None:
    check_mistake("fill", tmp_path / "ab\nsent.py", "--at", "1:1", says="sent.py: no such file")


@pytest.mark.parametrize(
    ("place", "says"),
    [
        ("0:1", "line 0 is outside the file, which has 3 lines"),
        ("4:1", "line 4 is outside the file, which has 3 lines"),
        ("1:0", "column 0 is outside line 1, which has 9 characters"),
        ("1:11", "column 11 is outside line 1, which has 9 characters"),
        ("3:2", "column 2 is outside line 3, which has 0 characters"),
        ("999999999:1", "outside the file"),
    ],
)
def test_a_position_outside_the_file(source: Path, place: str, says: str) -> None:
    check_mistake("fill", source, "--at", place, says=says)


@pytest.mark.parametrize(
    "place", ["", "1", "1:", ":1", "1:2:3", "a:b", "-1:1", "1:-1", "1.0:2", "1e1:2", "٣:١", "9" * 9]
)
def test_a_malformed_position(place: str) -> None:
    with pytest.raises(Mistake, match="--at takes LINE:COLUMN"):
        offset_of_place(place, LineIndex("text"))


def test_a_malformed_position_on_the_command_line(source: Path) -> None:
    check_mistake("fill", source, "--at", "1", says="--at takes LINE:COLUMN, such as 12:5, not '1'")


def test_a_binary_file(tmp_path: Path) -> None:
    (tmp_path / "binary.py").write_bytes(b"x = 1\n\0\x01")
    check_mistake("fill", tmp_path / "binary.py", "--at", "1:1", says="binary.py: this is not text")


def test_bytes_that_are_not_utf_8(tmp_path: Path) -> None:
    (tmp_path / "latin.py").write_bytes("name = 'Zoë'\n".encode("latin-1"))
    check_mistake("fill", tmp_path / "latin.py", "--at", "1:1", says="is not UTF-8: byte 11 cannot be decoded")


def test_a_file_over_the_size_limit(tmp_path: Path) -> None:
    (tmp_path / "large.py").write_bytes(b"#" * 1_000_001)
    check_mistake("fill", tmp_path / "large.py", "--at", "1:1", says="larger than the limit of 1,000,000 bytes")


def test_the_size_limit_is_a_setting(source: Path, private_folders: Path) -> None:
    settings = private_folders / "config_home/infill-lsp/config.toml"
    settings.parent.mkdir()
    settings.write_text("max_file_bytes = 10\n")
    check_mistake("fill", source, "--at", "1:1", says="larger than the limit of 10 bytes")


@pytest.mark.parametrize("name", [".env", "server.key", ".ssh/config.py"])
def test_a_file_with_secrets(tmp_path: Path, name: str) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("token = \n")
    check_mistake("fill", tmp_path / name, "--at", "1:9", says="this file is never sent to a model: its name matches")


def test_a_link_to_a_file_with_secrets(tmp_path: Path) -> None:
    (tmp_path / "id_rsa").write_text("token = \n")
    (tmp_path / "link.py").symlink_to("id_rsa")
    check_mistake("fill", tmp_path / "link.py", "--at", "1:9", says="this file is never sent to a model")


@pytest.mark.parametrize("name", ["notes.txt", "main.cobol", "README"])
def test_a_language_that_is_not_served(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("area = \n")
    check_mistake("fill", tmp_path / name, "--at", "1:8", says="its name must end in .")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--bogus"], "--bogus"),
        (["bogus"], "bogus"),
        (["fill"], "'FILE'"),
        (["fill", "--bogus"], "(infill-lsp fill --help)"),
        (["fill", "x.py"], "--at"),
        (["fill", "x.py", "--at"], "--at"),
        (["fill", "x.py", "--at", "1:1", "--bogus"], "--bogus"),
        (["fill", "x.py", "y.py", "--at", "1:1"], "y.py"),
        (["fill", "x.py", "--at", "1:1", "--candidates", "none"], "--candidates"),
        (["fill", "x.py", "--at", "1:1", "--candidates", "0"], "--candidates"),
        (["fill", "x.py", "--at", "1:1", "--candidates", "9"], "--candidates"),
        (["serve", "--idle-minutes", "soon"], "--idle-minutes"),
        (["serve", "--idle-minutes", "0"], "--idle-minutes"),
        (["serve", "--idle-minutes", "nan"], "--idle-minutes"),
        (["serve", "--socket", "/no/such/folder/host.sock"], "its folder does not exist"),
        (["demo", "--at", "1:1"], "--at needs a FILE"),
        (["demo", "absent.py"], "absent.py: no such file"),
        (["doctor", "--bogus"], "--bogus"),
        (["--stdio", "fill"], "--stdio"),
    ],
)
def test_arguments_that_make_no_sense(arguments: list[str], says: str) -> None:
    check_mistake(*arguments, says=says)


def test_a_setting_that_cannot_be_used_is_a_warning(source: Path, private_folders: Path) -> None:
    settings = private_folders / "config_home/infill-lsp/config.toml"
    settings.parent.mkdir()
    settings.write_text("bogus = 1\n")
    ran = run_cli("fill", source, "--at", "1:10")
    assert ran.status == 0
    assert ran.stderr.startswith(f"infill-lsp: warning: {settings}: bogus: unknown setting")


@pytest.mark.parametrize("command", ["fill", "rewrite", "trace", "bench", "tune", "serve", "demo"])
def test_a_model_that_is_not_here_is_told_once(source: Path, command: str) -> None:
    place = {
        "fill": (source, "--at", "1:10"),
        "trace": (source, "--at", "1:10"),
        "rewrite": (source, "--lines", "1"),
        "tune": (source.parent,),
    }
    ran = run_cli(command, *place.get(command, ()), "--model", "owner/name")
    says = "infill-lsp: owner/name is not downloaded; to fetch it: infill-lsp download owner/name\n"
    assert (ran.status, ran.stdout, ran.stderr) == (3, "", says)


def test_help_has_a_whole_line_for_each_command() -> None:
    ran = run_cli("--help")
    assert (ran.status, ran.stderr) == (0, "")
    commands = ran.stdout.partition("Commands:\n")[2].splitlines()
    assert len(commands) == 11
    assert all(line.endswith(".") and not line.endswith("...") for line in commands), ran.stdout
