"""The real server with several folders: each has its own settings, asked for and followed live."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.infill_lsp.raw_client import RawClient
from tests.infill_lsp.sample import check_silent, opened

ANSWERS = {"workspace": {"configuration": True, "workspaceFolders": True}}


def folder(tmp_path: Path, name: str) -> dict[str, str]:
    (tmp_path / name).mkdir(exist_ok=True)
    return {"uri": (tmp_path / name).as_uri(), "name": name}


def introduce(client: RawClient, *folders: dict[str, str]) -> None:
    params = {"processId": None, "rootUri": None, "workspaceFolders": list(folders), "capabilities": ANSWERS}
    client.result("initialize", params)
    client.notify("initialized", {})


def answer(client: RawClient, *settings: object, folders: list[dict[str, str]]) -> None:
    """Answer the server's question about its settings, one for each folder."""
    question = client.wait_for(lambda m: m.get("method") == "workspace/configuration")
    items: Any = [{"scopeUri": each["uri"], "section": "infill-lsp"} for each in folders]
    assert question["params"] == {"items": items}
    client.send({"jsonrpc": "2.0", "id": question["id"], "result": list(settings)})


def test_each_folder_is_asked_about_and_served_by_its_own(client: RawClient, tmp_path: Path) -> None:
    one, two, three = (folder(tmp_path, name) for name in ("one", "two", "three"))
    (tmp_path / "three/infill.toml").write_text("enabled = false\n")
    introduce(client, one, two)
    answer(client, {"enabled": False}, {"languages": {"go": {"enabled": False}}}, folders=[one, two])
    check_silent(client, opened(client, "x = $0\n", uri=f"{one['uri']}/a.py"), "switched off by the setting enabled")
    assert opened(client, "x = $0\n", uri=f"{two['uri']}/a.py").ghost()
    go = opened(client, "var x = $0\n", uri=f"{two['uri']}/a.go", language="go")
    check_silent(client, go, "switched off by the setting enabled for this language")

    changed = {"event": {"added": [three], "removed": [one]}}
    client.notify("workspace/didChangeWorkspaceFolders", changed)
    answer(client, {}, None, folders=[two, three])
    assert go.ghost()
    check_silent(client, opened(client, "x = $0\n", uri=f"{three['uri']}/a.py"), "enabled")
    client.notify("workspace/didChangeConfiguration", {"settings": None})
    answer(client, {"enabled": False}, {"enabled": True}, folders=[two, three])
    check_silent(client, go, "enabled")
    assert opened(client, "x = $0\n", uri=f"{three['uri']}/a.py").ghost()


def test_settings_of_a_language_are_followed_live(client: RawClient) -> None:
    client.initialize(options={"settings": {"languages": {"python": {"min_confidence": 0.9}}}})
    text = '# {"texts": ["unsure"], "confidences": [0.5]}\nx = $0\n'
    check_silent(client, opened(client, text), "50 % sure", kind=2)
    client.notify("workspace/didChangeConfiguration", {"settings": {"languages": {"python": {"min_confidence": 0.4}}}})
    assert opened(client, text).ghost(kind=2)
