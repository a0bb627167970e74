"""The engine that the settings name: the host of their model, started when it is first asked.

A model that is not on this machine is told before a process is started for it. It knows no document and no editor.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.api import CheckpointError
from infill_lsp import checkpoints
from infill_lsp.context.context import CRITIC
from infill_lsp.settings.settings import Settings

if TYPE_CHECKING:
    from engine.client import HostClient


def host_of(settings: Settings) -> HostClient:
    """Return a client of the engine host. Raises: CheckpointError, when there is no such model."""
    return client_for(settings, model_of(settings))


def model_of(settings: Settings) -> str:
    """Return the model as an engine understands it. Raises: CheckpointError, when there is no such model."""
    model = checkpoints.resolved(settings.model)  # Downloaded or tuned, maybe, since the settings were read.
    if (problem := checkpoints.missing(model)) is not None:
        raise CheckpointError(problem)
    return model


def client_for(settings: Settings, model: str) -> HostClient:
    """Return a client of the host of a model, whether or not that is there."""
    from engine.client import HostClient  # Imported late: the server answers before it needs an engine.

    idle_seconds, precision = settings.idle_minutes * 60, settings.precision
    return HostClient(model, idle_seconds=idle_seconds, critic=CRITIC, precision=precision)
