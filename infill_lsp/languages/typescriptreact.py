"""TypeScript with JSX, as data: TypeScript with another grammar."""

from __future__ import annotations

import dataclasses

from infill_lsp.languages.typescript import LANGUAGE as _TYPESCRIPT

LANGUAGE = dataclasses.replace(
    _TYPESCRIPT,
    id="typescriptreact",
    suffixes=(".tsx",),
    grammar_function="language_tsx",
    bundle_name="tsx",
)
