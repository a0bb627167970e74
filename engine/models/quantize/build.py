"""A model with quantised weights from a checkpoint folder: built empty, then filled tensor by tensor on its device.

The weights are quantised the first time, while the files are read, and kept on disk for the next times. At no time is
there a model in memory besides the one that is returned.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from engine.models.families import family_of
from engine.models.quantize import store
from engine.models.quantize.calibration import calibrated
from engine.models.quantize.empty import empty_model
from engine.models.quantize.lent import lent
from engine.models.quantize.modules import prepare_modules
from engine.models.quantize.offload import keep_on_host
from engine.models.quantize.parts import Part, packed_from, parts_of
from engine.models.quantize.precision import Precision
from engine.models.quantize.seen import Seen
from engine.models.quantize.store import BrokenStoreError, Store
from engine.models.quantize.stream import Put, Source, stream
from engine.models.quantize.weight import QuantWeight

_log = logging.getLogger(__name__)


def load_quantized(
    folder: Path,
    precision: Precision,
    device: torch.device | str = "cpu",
    *,
    dtype: torch.dtype | None = None,
    offloaded_layers: Collection[int] = (),
) -> Any:
    """Return a folder's model in evaluation mode, its weights quantised as `precision` says, on a device.

    `dtype` is what is computed in: bfloat16 on an accelerator and float32 on a CPU unless told otherwise. The experts
    of `offloaded_layers` stay in the machine's memory and come to the device for each pass. At `bf16` nothing is
    quantised and nothing stored. `num_stood_for` of the model is the number of its weights, quantised ones included.
    Raises: CheckpointError saying what is wrong with the folder; EngineError when the disk has no room.
    """
    device = torch.device(device)
    dtype = dtype or (torch.float32 if device.type == "cpu" else torch.bfloat16)
    model = empty_model(folder, dtype)
    model.num_stood_for = sum(parameter.numel() for parameter in model.parameters())
    source = _source_of(folder, model)
    parts = parts_of(model, prepare_modules(model, precision))
    source.check(parts)
    hosted = _experts_of(parts, offloaded_layers)
    if precision == "bf16":
        _fill_from_source(model, source, parts, device, dtype, hosted)
    else:
        kinds = _kinds(source, parts)
        for attempt in (0, 1):
            stored = _stored(source, parts, kinds, precision, device)
            try:
                _fill_from_store(model, Store(stored, kinds), parts, device, dtype, hosted)
                break
            except BrokenStoreError as error:
                if attempt:
                    raise
                _log.warning("quantising %s again: %s", folder.name, error)
                shutil.rmtree(stored, ignore_errors=True)
    _move_buffers(model, device)
    if hosted:
        keep_on_host(model, device, offloaded_layers)
    return model


def ensure_stored(folder: Path, precision: Precision, device: torch.device | str = "cpu") -> Path:
    """Quantise a folder's weights onto the disk unless they are there, with no model in memory; return where.

    `device` does the work. Raises: as `load_quantized`.
    """
    model = empty_model(folder, torch.bfloat16)
    source = _source_of(folder, model)
    parts = parts_of(model, prepare_modules(model, precision))
    source.check(parts)
    return _stored(source, parts, _kinds(source, parts), precision, torch.device(device))


def _source_of(folder: Path, model: Any) -> Source:
    """Return a folder's tensors for its empty model. Raises: CheckpointError for what is missing, broken or cut off."""
    if family_of(folder) != "causal":
        return Source(folder)
    from engine.models.quantize.layout import ConvertedSource

    return ConvertedSource(folder, model)


def _kinds(source: Source, parts: Sequence[Part]) -> store.Kinds:
    kinds: dict[str, tuple[torch.dtype, tuple[int, ...]]] = {}
    for part in parts:
        kinds |= part.tensors() if part.weight is not None else {part.name: (source.dtype_of(part), part.shape)}
    return kinds


def _stored(source: Source, parts: Sequence[Part], kinds: store.Kinds, precision: str, device: torch.device) -> Path:
    """Return the folder of the quantised weights, which are made if they are not there."""
    formats = "".join(f"{part.name}={part.format}\n" for part in parts)
    key = store.key_of(source.files, source.folder / "config.json", f"{precision}\0{formats}")
    folder = store.stores_folder() / key
    if folder.is_dir():
        return folder
    with store.alone():
        if not folder.is_dir():  # Another process may have made it meanwhile.
            _log.info("quantising %s to %s, once", source.folder, precision)
            record = {"source": str(source.folder.resolve()), "precision": precision}
            with store.writing(folder, kinds, record) as writer:
                rest, seen = _read_and_stream(source, parts, writer.put, device)
                stream(source, rest, writer.put, work_on=device, seen=seen)
            store.drop_stale(source.folder.resolve(), precision, keep=key)
    return folder


def _read_and_stream(source: Source, parts: Sequence[Part], put: Put, device: torch.device) -> tuple[list[Part], Seen]:
    """Let the model read a text and hand over each quantised weight once it is known what it is multiplied with.

    At no time are there more of its weights in memory than a module's, and moments of more than a layer. Returns the
    parts that are left, and what is known of them.
    """
    wanted = {part.names: part for part in parts if part.format is not None}

    def whole(seen: Seen, names: Sequence[str]) -> None:
        stream(source, [wanted[tuple(names)]], put, work_on=device, seen=seen)
        del wanted[tuple(names)]

    done = set(wanted)
    dtype = torch.float32 if device.type == "cpu" else torch.bfloat16
    model = empty_model(source.folder, dtype)
    with lent(model, source, parts, device, dtype):
        names = {name for part in wanted.values() for name in part.names}
        left = calibrated(model, source.folder, names, device, Seen(wanted, whole))
    done -= set(wanted)
    return [part for part in parts if part.names not in done], left


def _fill_from_store(
    model: nn.Module, stored: Store, parts: Sequence[Part], device: torch.device, dtype: torch.dtype, hosted: set[str]
) -> None:
    for part in parts:
        target = torch.device("cpu") if part.name in hosted else device
        if part.weight is None:
            put(model, part, _typed(stored.tensor(part.name, target), dtype))
        else:
            tensors = {name.rpartition(".")[2]: stored.tensor(name, target) for name in part.tensors()}
            part.weight.fill(packed_from(tensors))


def _fill_from_source(
    model: nn.Module, source: Source, parts: Sequence[Part], device: torch.device, dtype: torch.dtype, hosted: set[str]
) -> None:
    for file, inside in source.in_file_order(parts):
        whole: dict[str, Tensor] = {}
        for part, first, rows in source.pieces(file, inside):
            if part.name not in whole:
                target = torch.device("cpu") if part.name in hosted else device
                whole[part.name] = torch.empty(part.shape, dtype=_typed(rows, dtype).dtype, device=target)
            into = whole[part.name][first : first + len(rows)] if part.shape else whole[part.name]
            into.copy_(rows)
        for part in inside:
            put(model, part, whole.pop(part.name))


def _typed(tensor: Tensor, dtype: torch.dtype) -> Tensor:
    return tensor.to(dtype) if tensor.is_floating_point() else tensor


def put(model: nn.Module, part: Part, tensor: Tensor) -> None:
    """Put a tensor in every place of the model that shares it."""
    parameter = nn.Parameter(tensor, requires_grad=False)
    for name in part.names:
        path, _, own = name.rpartition(".")
        module = model.get_submodule(path)
        if own in module._parameters:
            module._parameters[own] = parameter
        else:
            module._buffers[own] = tensor


def _move_buffers(model: nn.Module, device: torch.device) -> None:
    """Move what was computed and not loaded; whatever has no memory now was forgotten."""
    for module in model.modules():
        if isinstance(module, QuantWeight):
            continue
        for name, buffer in module.named_buffers(recurse=False):
            module._buffers[name] = buffer.to(device)
    empty = [name for name, tensor in _tensors(model).items() if tensor.is_meta]
    assert not empty, f"{empty[:3]} have no values"


def _tensors(model: nn.Module) -> Mapping[str, Tensor]:
    return {**dict(model.named_parameters()), **dict(model.named_buffers())}


def _experts_of(parts: Sequence[Part], layers: Collection[int]) -> set[str]:
    """Name the experts of some layers."""
    return {
        part.name
        for part in parts
        for name in part.names
        if ".experts." in name and any(f".layers.{layer}." in name for layer in layers)
    }
