"""Which tensors of a causal checkpoint's files each weight of the model is made of.

Published layouts differ from the classes: other names, one tensor an expert and projection where the class has all of
them in one, a language model inside one that sees. What transformers knows of this is asked of it; here it is made
piece by piece, so that no fused tensor is ever there whole. It reads headers and tensors, and quantises nothing.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers.conversion_mapping import get_model_conversion_mapping
from transformers.core_model_loading import (
    Concatenate,
    MergeModulelist,
    WeightConverter,
    WeightRenaming,
    rename_source_key,
)

from engine.api import CheckpointError
from engine.models.quantize.parts import Part
from engine.models.quantize.stream import Source, opened

_WITHIN = re.compile(r"(^|\.)language_model\.")


@dataclass(frozen=True, slots=True)
class Stacked:
    """A weight of fused experts: those tensors of each expert, in their order, one under the other."""

    experts: tuple[tuple[str, ...], ...]


Made = str | Stacked | None
"""The one tensor that a weight is, the many that it is made of, or None where that is not known here."""


class ConvertedSource(Source):
    """The tensors of a folder by the names that a model of transformers has for its weights."""

    def __init__(self, folder: Path, model: Any) -> None:
        """Take the names of an empty model whose modules are still its own. Raises: CheckpointError."""
        super().__init__(folder)
        self._made = layout(model, tuple(self._where))
        self._stacked: dict[str, Stacked] = {}
        for name, made in self._made.items():
            if isinstance(made, Stacked):
                self._stacked[name] = made
                first = made.experts[0]
                dtype, shape = self._kinds[first[0]]
                rows = sum(self._kinds[each][1][0] for each in first)
                self._where[name] = self._where[first[0]]
                self._kinds[name] = dtype, (len(made.experts), rows, *shape[1:])

    def known_as(self, part: Part) -> Sequence[str]:
        """Return the names of a part's tensors here. Raises: CheckpointError where it is made in an unknown way."""
        found = []
        for name in part.names:
            made = self._made.get(name, "")
            if made is None:
                raise CheckpointError(
                    f"{self.folder}: {name} is stored in a layout that is not read in pieces; set precision to bf16"
                )
            found.append(name if isinstance(made, Stacked) else made)
        return [name for name in found if name]

    def pieces(self, file: Path, parts: Sequence[Part]) -> Iterator[tuple[Part, int, Tensor]]:
        """Yield the rows of each part, some at a time, with the number of the first. Raises: CheckpointError."""
        for part in parts:
            stacked = self._stacked.get(self.name_of(part))
            if stacked is None:
                yield from super().pieces(file, [part])
            else:
                yield from self._experts(part, stacked)

    def some(self, part: Part, index: int) -> Tensor:
        """Return one row of a part, or one expert of experts. Raises: CheckpointError."""
        stacked = self._stacked.get(self.name_of(part))
        if stacked is None:
            return super().some(part, index)
        with contextlib.ExitStack() as files:
            return self._expert(part, stacked.experts[index], {}, files)

    def _experts(self, part: Part, stacked: Stacked) -> Iterator[tuple[Part, int, Tensor]]:
        with contextlib.ExitStack() as files:
            tensors: dict[Path, Any] = {}
            for index, names in enumerate(stacked.experts):
                yield part, index, self._expert(part, names, tensors, files)[None]

    def _expert(
        self, part: Part, names: Sequence[str], tensors: dict[Path, Any], files: contextlib.ExitStack
    ) -> Tensor:
        """Return one expert's rows; files that are opened for it are added to `tensors`."""
        rows = []
        for name in names:
            at = self._where[name]
            if at not in tensors:  # A layer's experts may go on in the next file.
                tensors[at] = files.enter_context(opened(at))
            rows.append(tensors[at].get_tensor(name))
        whole = torch.cat(rows)
        if whole.shape != part.shape[1:]:
            shapes = f"{list(whole.shape)} instead of {list(part.shape[1:])}"
            raise CheckpointError(f"{self.folder}: {names[0]} has the wrong shape, {shapes}; choose another")
        return whole


def layout(model: Any, stored: Collection[str]) -> dict[str, Made]:
    """Return what each weight of an empty model is made of, by its name; what is not stored is left out."""
    transforms = get_model_conversion_mapping(model)
    renamings = [each for each in transforms if isinstance(each, WeightRenaming)]
    converters = [each for each in transforms if isinstance(each, WeightConverter)]
    state = model.state_dict()
    is_within = not any(_WITHIN.search(name) for name in state)  # The file's model may be a part of a larger one.
    found: dict[str, Made] = {}
    gathered: dict[str, tuple[WeightConverter, dict[str, list[str]]]] = {}
    for key in sorted(stored, key=_natural):
        name = _WITHIN.sub(r"\1", key, count=1) if is_within else key
        target, pattern = rename_source_key(name, renamings, converters, model.base_model_prefix, state)
        if pattern is None or target not in state:
            found[name if target not in state else target] = key
            continue
        converter = next(each for each in converters if pattern in each.source_patterns)
        gathered.setdefault(target, (converter, {}))[1].setdefault(pattern, []).append(key)
    for target, (converter, keys) in gathered.items():
        found[target] = _stacked(converter, keys)
    return found


def _stacked(converter: Any, keys: dict[str, list[str]]) -> Stacked | None:
    """Return how experts are stacked, their projections one under the other; None for whatever else is done."""
    merge, *rest = converter.operations
    is_merge = isinstance(merge, MergeModulelist) and merge.dim == 0
    is_plain = not rest or (len(rest) == 1 and isinstance(rest[0], Concatenate) and rest[0].dim == 1)
    columns = [keys.get(pattern, []) for pattern in converter.source_patterns]
    is_even = len({len(column) for column in columns}) == 1 and len(converter.target_patterns) == 1
    return Stacked(tuple(zip(*columns, strict=True))) if is_merge and is_plain and is_even else None


def _natural(name: str) -> list[tuple[int, str]]:
    """Order names as their numbers count: the tenth expert comes after the second."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in name.split(".")]
