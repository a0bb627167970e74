"""The JSON schema and the documentation's table follow from the definitions, and agree with what is read."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from infill_lsp.settings.setting_schema import schema, table
from infill_lsp.settings.setting_values import Settings, definitions
from infill_lsp.settings.settings import apply

PAGE = Path(__file__).parents[2] / "docs" / "settings.md"


def test_the_documentation_holds_the_table_of_the_definitions() -> None:
    assert table() in PAGE.read_text(encoding="utf-8"), (
        "paste infill_lsp.settings.setting_schema.table() into docs/settings.md"
    )


def test_the_schema_names_every_key_and_no_other() -> None:
    made = schema()
    assert set(made["properties"]) == {field.name for field in fields(Settings)}
    assert made["additionalProperties"] is False
    own = made["definitions"]["language"]
    assert set(own["properties"]) == {each.name for each in definitions().values() if each.by_language}
    assert own["additionalProperties"] is False
    assert {"python", "go", "typescriptreact"} <= set(made["properties"]["languages"]["propertyNames"]["enum"])
    assert json.loads(json.dumps(made)) == made


@pytest.mark.parametrize("name", definitions())
def test_the_schema_allows_what_is_read_and_nothing_else(name: str) -> None:
    described = schema()["properties"][name]
    assert apply(Settings(), {name: described["default"]}, where="x").problems == ()
    assert described["description"]
    for value in (-1, 0, 0.5, 1, 4, 8, 9, 2_000_001, 10**9, True, False, "", "x", "debug", "outline", [], ["a"], {}):
        is_read = apply(Settings(), {name: value}, where="x").problems == ()
        assert is_read == _is_valid(described, value), (name, value)


def _is_valid(described: dict[str, Any], value: object) -> bool:
    """Judge a value by the few words of JSON schema that ours uses."""
    types = {"string": str, "boolean": bool, "array": list, "integer": int, "number": (int, float)}
    assert set(described) <= {
        "description", "default", "type", "enum", "minimum", "maximum", "exclusiveMinimum", "minLength", "items"
    }  # fmt: skip
    if not isinstance(value, types[described["type"]]) or (isinstance(value, bool) and described["type"] != "boolean"):
        return False
    if "enum" in described and value not in described["enum"]:
        return False
    if isinstance(value, str) and len(value) < described.get("minLength", 0):
        return False
    if isinstance(value, list):
        return all(_is_valid({"description": "", **described["items"]}, each) for each in value)
    if isinstance(value, (int, float)) and described["type"] in ("integer", "number"):
        low, high = described.get("minimum", value), described.get("maximum", value)
        return bool(low <= value <= high and value > described.get("exclusiveMinimum", value - 1))
    return True
