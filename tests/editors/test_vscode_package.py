"""What the VS Code extension declares, without an editor: its settings, its one key, and what it may do."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from vscode_setting import node, node_modules, run_npm

from infill_lsp.settings.setting_schema import schema
from infill_lsp.settings.setting_values import definitions

pytestmark = pytest.mark.vscode

_EXTENSION = Path(__file__).parents[2] / "editors/vscode"


@pytest.fixture(scope="module")
def manifest() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((_EXTENSION / "package.json").read_text())
    return loaded


def test_the_settings_are_those_of_the_server() -> None:
    node_modules()
    done = subprocess.run(
        [node(), "scripts/configuration.mjs", "--check"],
        cwd=_EXTENSION,
        input=json.dumps(schema()),
        text=True,
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr


def test_a_folder_that_is_not_trusted_chooses_no_more_than_a_projects_file(manifest: dict[str, Any]) -> None:
    untrusted = manifest["capabilities"]["untrustedWorkspaces"]
    never = {f"infill-lsp.{name}" for name, each in definitions().items() if each.project == "never"}
    assert untrusted["supported"] == "limited"
    assert set(untrusted["restrictedConfigurations"]) == never | {"infill-lsp.path"}


def test_one_key_is_bound_and_escape_only_while_something_is_filled(manifest: dict[str, Any]) -> None:
    trigger, cancel = manifest["contributes"]["keybindings"]
    assert trigger["key"] == "alt+\\"
    assert cancel["key"] == "escape"
    assert "infill.isFilling" in cancel["when"].split(" && ")


def test_every_command_is_in_the_category(manifest: dict[str, Any]) -> None:
    assert {each["category"] for each in manifest["contributes"]["commands"]} == {"Infill"}


def test_no_proposed_api_is_used(manifest: dict[str, Any]) -> None:
    assert "enabledApiProposals" not in manifest


def test_the_typescript_passes_its_checkers() -> None:
    run_npm("run", "check")


def test_the_parts_that_need_no_editor() -> None:
    run_npm("test")


def test_the_checkers_are_strict() -> None:
    options = json.loads((_EXTENSION / "tsconfig.json").read_text())["compilerOptions"]
    for name in ("strict", "noUncheckedIndexedAccess", "exactOptionalPropertyTypes"):
        assert options[name] is True
    rules = (_EXTENSION / "eslint.config.mjs").read_text()
    assert "typescript.configs.strictTypeChecked" in rules
    assert "noInlineConfig: true" in rules
    assert "rules:" not in rules, "no rule is switched off"


def test_no_checker_is_silenced() -> None:
    for file in sorted(path for room in ("src", "test", "scripts") for path in (_EXTENSION / room).iterdir()):
        text = file.read_text()
        for silencer in ("@ts-", "eslint-disable", "prettier-ignore", "as any", ": any", "<any>", "any["):
            assert silencer not in text, f"{file.name}: {silencer}"
