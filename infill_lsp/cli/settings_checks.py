"""The checks of `doctor` that look at the settings and at the log's place."""

from __future__ import annotations

import os

from infill_lsp.cli.finding import Finding
from infill_lsp.cli.mistake import one_line
from infill_lsp.logs import log_file
from infill_lsp.settings.settings import Reading, user_config_path


def check_settings(reading: Reading) -> Finding:
    """Every key that was set can be used."""
    facts: dict[str, object] = {"problems": list(reading.problems), "config": str(user_config_path())}
    if not reading.problems:
        where = (
            user_config_path()
            if user_config_path().is_file()
            else f"the defaults; {user_config_path()} would hold yours"
        )
        return Finding("settings", "ok", f"{where}", facts=facts)
    first, *others = map(one_line, reading.problems)
    text = first + (f" (and {len(others)} more)" if others else "")
    return Finding("settings", "warning", text, "correct it; docs/settings.md lists the keys", facts)


def check_log() -> Finding:
    """The server can write its log; the engine host writes beside it."""
    file = log_file()
    facts: dict[str, object] = {"path": str(file)}
    nearest = next(folder for folder in (file, *file.parents) if folder.exists())
    if not os.access(nearest, os.W_OK) or (nearest != file and not nearest.is_dir()):
        return Finding("log", "warning", f"{file} cannot be written", f"make {nearest} a folder of yours", facts)
    return Finding("log", "ok", f"{file}, and those of engine hosts beside it", facts=facts)
