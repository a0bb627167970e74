"""The settings as a JSON schema, for editors that check them, and as the table of docs/settings.md.

Both are made from the definitions alone. It knows no source of settings.
"""

from __future__ import annotations

import json
import re
from typing import Any

from infill_lsp.languages import languages
from infill_lsp.settings.setting_values import SECRETS, Definition, definitions

_DIALECT = "http://json-schema.org/draft-07/schema#"
_LINK = re.compile(r"\[([^]]*)\]\([^)]*\)")
_TRUST = {"yes": "yes", "never": "no", "lower": "only lower"}


def schema() -> dict[str, Any]:
    """Describe a table of settings: the whole of infill.toml and config.toml, or an editor's section `infill-lsp`."""
    own = {each.name: _described(each) for each in definitions().values() if each.by_language}
    for described in own.values():
        del described["default"]  # There, what holds for all languages is the default.
    table = {"type": "object", "additionalProperties": False, "properties": own}
    names = sorted({name for language in languages() for name in (language.id, *language.names)})
    return {
        "$schema": _DIALECT,
        "title": "Settings of infill-lsp",
        "type": "object",
        "additionalProperties": False,
        "properties": {
            **{each.name: _described(each) for each in definitions().values()},
            "languages": {
                "description": "Settings for one language alone, by its id.",
                "type": "object",
                "propertyNames": {"enum": names},
                "additionalProperties": {"$ref": "#/definitions/language"},
            },
        },
        "definitions": {"language": table},
    }


def table() -> str:
    """Write the table of docs/settings.md: a row for each key."""
    rows = ["| key | default | meaning | by language | in `infill.toml` |", "|---|---|---|---|---|"]
    for each in definitions().values():
        default = "see below" if each.default is SECRETS else f"`{json.dumps(each.default).removesuffix('.0')}`"
        by_language = "yes" if each.by_language else "no"
        rows.append(f"| `{each.name}` | {default} | {each.meaning} | {by_language} | {_TRUST[each.project]} |")
    return "\n".join(rows) + "\n"


def _described(definition: Definition) -> dict[str, Any]:
    default = [] if definition.default is SECRETS else definition.default
    meaning = _LINK.sub(r"\1", definition.meaning).replace("`", "")
    return {"description": meaning, **definition.kind.schema, "default": default}
