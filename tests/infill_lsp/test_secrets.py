"""What must never reach a model does not: looked for in every request at the engine's boundary."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.infill_lsp.raw_client import RawClient, environment, position, span

_RECORDING = """
import os, sys
from engine.fake import ScriptedEngine
from infill_lsp.server import serve_stdio
class Engine(ScriptedEngine):
    async def fill(self, request, on_draft=None):
        with open(os.environ["RECORD"], "a") as record:
            print(repr(request), file=record)
        return await super().fill(request, on_draft)
sys.exit(serve_stdio(make_engine=lambda settings: Engine("shown_value")))
"""

# Every one of these could be filled if it were an ordinary file: each has a hole and words that occur nowhere else.
_CODE = "def {word}_prices(amounts):\n    {word}_total = 'word-{word}'\n    return \n\n\ndef {word}_body():\n    pass\n"
PLANTED = {
    ".env": "DATABASE=word-dotenv\nTOKEN=\n",
    ".env.local": _CODE.format(word="dotenvlocal"),
    "deploy/id_rsa": "-----BEGIN OPENSSH PRIVATE KEY-----\nword-privatekey\n\n",
    "server.key": _CODE.format(word="keyfile"),
    ".aws/settings.py": _CODE.format(word="cloud"),
    "secrets.toml": "password = 'word-password'\ntoken = \n",
    "local_settings.py": _CODE.format(word="ignored"),
    "build/made.py": _CODE.format(word="built"),
    "package/inner.py": _CODE.format(word="nested"),
    "notes/private.py": _CODE.format(word="infillignored"),
    "excluded.py": _CODE.format(word="excluded"),
    "repository_only.py": _CODE.format(word="infoexclude"),
}
LINKS = {"harmless.py": ".env.local", "linked/settings.py": ".aws/settings.py", "copy.py": "local_settings.py"}
ORDINARY = "def open_prices(amounts):\n    shown_total = 1\n    return \n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    others = {
        "main.py": ORDINARY,
        ".gitignore": "local_settings.py\nbuild/\n",
        "package/.gitignore": "inner.py\n",
        ".infillignore": "notes/\n",
        "infill.toml": 'exclude = ["excluded.py"]\n',
    }
    for name, text in {**PLANTED, **others}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    subprocess.run(["git", "init", "-q", str(root)], check=True)
    (root / ".git/info/exclude").write_text("repository_only.py\n")
    for name, target in LINKS.items():
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).symlink_to(root / target)
    return root


@pytest.fixture
def client(tmp_path: Path) -> Iterator[RawClient]:
    variables = environment(tmp_path, RECORD=str(tmp_path / "record"))
    with RawClient([sys.executable, "-c", _RECORDING], variables) as client:
        yield client


def ask_everywhere(client: RawClient, uri: str, text: str) -> int:
    """Ask for ghost text and code actions at every line end and for the whole; take every action. How many showed."""
    num_shown = 0
    for offset in [match.start() for match in re.finditer(r"$", text, re.MULTILINE)]:
        at = position(text, offset, "utf-16")
        for kind in (1, 2):
            num_shown += len(client.ghost(uri, at, kind=kind))
        for range_ in ({"start": at, "end": at}, span(text, 0, offset, "utf-16")):
            for action in client.actions(uri, range_) or ():
                num_shown += "edit" in client.result("codeAction/resolve", action)
    return num_shown


def check_secrets_stay(client: RawClient, project: Path, record: Path, *, settings: dict[str, Any]) -> None:
    """Open everything, ask everywhere, and find no word of what was planted in any request."""
    client.initialize(root=project, options={"settings": {"debounce_ms": 0, **settings}})
    texts = {**PLANTED, **{link: PLANTED[target] for link, target in LINKS.items()}}
    for name, text in texts.items():
        client.open((project / name).as_uri(), text)
        client.open(f"git:{project / name}?HEAD", text)
    main = (project / "main.py").as_uri()
    client.open(main, ORDINARY)
    for name, text in texts.items():
        assert ask_everywhere(client, (project / name).as_uri(), text) == 0, name
    assert ask_everywhere(client, main, ORDINARY) > 0
    assert client.end() == 0
    requests = record.read_text()
    assert "open_prices" in requests
    for name, text in PLANTED.items():
        (word,) = set(re.findall(r"word-(\w+)", text))
        assert word not in requests, f"{name} reached the engine"


@pytest.mark.parametrize("context", ["file", "outline"])
def test_planted_secrets_never_reach_the_engine(client: RawClient, project: Path, tmp_path: Path, context: str) -> None:
    check_secrets_stay(client, project, tmp_path / "record", settings={"context": context})


def test_the_search_finds_what_does_reach_it(client: RawClient, project: Path, tmp_path: Path) -> None:
    """The same with the ignored files let in: now their words are found, so the search above looks where it should."""
    with pytest.raises(AssertionError, match=r"local_settings\.py|package/inner\.py|build/made\.py|copy\.py"):
        check_secrets_stay(client, project, tmp_path / "record", settings={"fill_ignored_files": True})


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        (".env", "its name matches .env*"),
        ("harmless.py", "its name matches .env*"),
        ("local_settings.py", "git ignores this file (.gitignore, line 1; setting fill_ignored_files)"),
        ("package/inner.py", "git ignores this file (package/.gitignore, line 1"),
        ("repository_only.py", "git ignores this file (.git/info/exclude, line 1"),
        ("notes/private.py", "it is ignored by .infillignore, line 1"),
    ],
)
def test_the_user_is_told_why(client: RawClient, project: Path, name: str, reason: str) -> None:
    client.initialize(root=project)
    uri = (project / name).as_uri()
    client.open(uri, "x = \n")
    assert client.ghost(uri, {"line": 0, "character": 4}) == []
    told = client.result("infill/whyNoSuggestion")["silences"][0]
    assert reason in told["reason"], json.dumps(told)


@pytest.mark.parametrize("name", ["harmless.py", "local_settings.py", "package/inner.py", "notes/private.py"])
def test_the_command_line_keeps_to_the_same_rule(project: Path, name: str) -> None:
    from infill_lsp.cli.fill_command import open_source
    from infill_lsp.cli.mistake import Mistake

    with pytest.raises(Mistake, match=r"its name matches|git ignores this file|ignored by \.infillignore"):
        open_source(project / name, None)
    assert open_source(project / "main.py", None)[0].text == ORDINARY


def test_tuning_learns_nothing_of_what_infillignore_names(project: Path) -> None:
    from infill_lsp.cli.tune_files import find_files
    from infill_lsp.settings.settings import Settings

    found = find_files(project, Settings())
    assert found.left_out["named by .infillignore"] == 1
    assert not [text for _, text in found.files if "infillignored" in text]
