"""The check of `doctor` that names the user's own checkpoints, so that it shows what the setting `model` can choose."""

from __future__ import annotations

from infill_lsp.checkpoints import all_tuned, checkpoints_folder
from infill_lsp.cli.finding import Finding


def check_tuned() -> Finding:
    """The tuned checkpoints by name; none is fine."""
    names = [tuned.name for tuned in all_tuned()]
    text = f"{', '.join(names)} in {checkpoints_folder()}" if names else "none; infill-lsp tune makes one"
    return Finding("tuned", "ok", text, facts={"names": names, "path": str(checkpoints_folder())})
