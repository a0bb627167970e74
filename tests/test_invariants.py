"""The architecture's invariants that imports show: who may know whom. docs/architecture.md, section 4."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

_ROOT = Path(__file__).parent.parent
_MODULES = sorted(path for room in ("engine", "infill_lsp") for path in (_ROOT / room).rglob("*.py"))
_WIRE_ROOMS = {"transport", "server", "handlers", "from_lsp", "to_lsp", "protocol"}
_TENSOR_ROOMS = {"canvas", "schedule", "sampling", "acceptance", "length", "renoise", "stopping"}


def imports(path: Path) -> Iterator[str]:
    """Yield every module that a file imports, wherever in the file, by its full name."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            package = ".".join(path.relative_to(_ROOT).parent.parts)
            module = f"{package}.{node.module or ''}".rstrip(".") if node.level else node.module or ""
            yield module
            yield from (f"{module}.{alias.name}" for alias in node.names)


def importers(*packages: str) -> set[str]:
    """Return the files that import any of the packages, as paths from the root."""
    return {
        path.relative_to(_ROOT).as_posix()
        for path in _MODULES
        for name in imports(path)
        if any(name == package or name.startswith(f"{package}.") for package in packages)
    }


def test_the_engine_knows_no_editor() -> None:
    found = importers("infill_lsp", "pygls", "lsprotocol", "tree_sitter")
    assert {path for path in found if path.startswith("engine/")} == set()


def test_the_server_knows_the_engines_boundary_and_client_alone() -> None:
    engine_modules = {path.relative_to(_ROOT).with_suffix("").as_posix().replace("/", ".") for path in _MODULES}
    others = {name for name in engine_modules if name.startswith("engine.")} - {"engine.api", "engine.client"}
    assert {path for path in importers(*others) if path.startswith("infill_lsp/")} == set()


def test_wire_types_stop_at_the_edge() -> None:
    rooms = {path.split("/")[1].removesuffix(".py") for path in importers("pygls", "lsprotocol")}
    assert rooms <= _WIRE_ROOMS


def test_tree_sitter_is_known_where_grammars_are_found_texts_parsed_and_trees_read() -> None:
    rooms = {f"infill_lsp/trees/{name}.py" for name in ("grammars", "landmarks", "parsing", "syntax")}
    assert importers("tree_sitter") == rooms


def test_tensors_stay_in_the_engine() -> None:
    found = importers("torch", "transformers", "numpy", "tokenizers")
    assert {path for path in found if path.startswith("infill_lsp/")} == set()


def test_the_loop_knows_no_model_and_no_model_knows_the_canvas() -> None:
    denoise = set(imports(_ROOT / "engine" / "denoise.py"))
    assert not any(name.startswith(("engine.models", "transformers", "tokenizers")) for name in denoise)
    for path in (_ROOT / "engine" / "models").glob("*.py"):
        assert not {"engine.canvas", "engine.denoise"} & set(imports(path)), path


@pytest.mark.parametrize("room", sorted(_TENSOR_ROOMS | {"layout", "constraints", "guidance"}))
def test_pure_rooms_do_nothing_but_compute(room: str) -> None:
    path = _ROOT / "engine" / f"{room}.py"
    outside = {
        "logging",
        "time",
        "random",
        "os",
        "sys",
        "io",
        "pathlib",
        "socket",
        "subprocess",
        "threading",
        "asyncio",
    }
    assert not outside & set(imports(path))
    called = {ast.unparse(node.func) for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)}
    assert not {"print", "open", "torch.manual_seed"} & called


def test_no_code_is_taken_from_a_checkpoint() -> None:
    for path in _MODULES:
        text = path.read_text(encoding="utf-8")
        assert "trust_remote_code=True" not in text
        if "engine/training" not in path.as_posix():
            assert "torch.load(" not in text, path


@pytest.mark.parametrize("module", ["infill_lsp", "infill_lsp.server", "engine.api", "engine.client", "engine.fake"])
def test_importing_loads_neither_torch_nor_transformers(module: str) -> None:
    code = f"import sys, {module}; print({{'torch', 'transformers', 'numpy'}} & set(sys.modules))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=_ROOT)
    assert ran.stdout.strip() == "set()"


@pytest.mark.parametrize("path", _MODULES, ids=lambda path: path.relative_to(_ROOT).as_posix())
def test_a_room_says_what_it_is_and_keeps_to_it(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert ast.get_docstring(ast.parse(text)), "every module opens by saying what it is"
    assert text.count("\n") <= 300, "a room this large has two purposes: divide it"
