"""The Lua of the Neovim plugin and of its tests: it compiles and passes its checkers, none of which is silenced."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from neovim_driver import EDITORS

pytestmark = [
    pytest.mark.editor,
    pytest.mark.neovim_0_12(reason="the types that the Lua is checked against are those of Neovim 0.12"),
]

_ROOT = Path(__file__).parents[2]
_FILES = sorted(path for room in ("editors/neovim", "tests/editors") for path in (_ROOT / room).rglob("*.lua"))


def test_the_lua_passes_its_checkers() -> None:
    done = subprocess.run(
        ["bash", str(_ROOT / "tests/editors/check_lua.sh"), str(EDITORS)], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("file", [*_FILES, _ROOT / "editors/neovim/.luacheckrc"], ids=lambda file: file.name)
def test_no_checker_is_silenced(file: Path) -> None:
    text = file.read_text()
    for silencer in ("luacheck:", "@diagnostic", "ignore =", "unused =", "stylua: ignore"):
        assert silencer not in text, f"{file.name}: {silencer}"
