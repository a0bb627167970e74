"""`infill-lsp settings`: the settings that hold in a folder, or the schema of all of them, as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from infill_lsp.cli.choices import settings_for
from infill_lsp.settings.setting_schema import schema


def print_settings() -> int:
    """Print what holds in the folder that this is run in; what cannot be used is warned of on stderr."""
    print(json.dumps(asdict(settings_for(Path.cwd(), None)), indent=2))
    return 0


def print_schema() -> int:
    """Print the JSON schema."""
    print(json.dumps(schema(), indent=2))
    return 0
