"""Record what a pass does on the device once, and replay it: CUDA graphs, one for each shape, in bounded number.

A recorded function takes nothing and returns nothing: it reads and writes buffers that stay where they are. Its first
call runs as it is, on a side stream, which is also the warm-up that recording wants; the second call is recorded; from
then on the recording is replayed. Where there is nothing to record with, such as on a CPU, every call just runs. It
knows no model and no canvas.
"""

from __future__ import annotations

import contextlib
import logging
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar, cast

import torch

_LOG = logging.getLogger(__name__)


class Program(Protocol):
    """What is kept for a shape: buffers, and the recordings that refer to them."""

    @property
    def num_bytes(self) -> int:
        """Return the device memory that it keeps."""


P = TypeVar("P", bound=Program)


@dataclass(frozen=True, slots=True)
class Recording:
    """A recorded function."""

    replay: Callable[[], None]
    num_bytes: int  # by which the recordings' common memory has grown


class Recorder(Protocol):
    """Something that can record."""

    def warm_up(self, function: Callable[[], None]) -> None:
        """Run the function once, where it may still allocate and choose."""

    def record(self, function: Callable[[], None], generators: Sequence[torch.Generator]) -> Recording:
        """Record the function without running it. Raises: RuntimeError where it cannot be recorded."""


class Recorded:
    """A function that is recorded where that is possible."""

    def __init__(
        self,
        function: Callable[[], None],
        recorder: Recorder | None,
        generators: Sequence[torch.Generator] = (),
    ) -> None:
        """Take a function on static buffers, and the generators that it draws from."""
        self._function, self._recorder, self._generators = function, recorder, generators
        self._is_warm = False
        self._recording: Recording | None = None

    @property
    def num_bytes(self) -> int:
        """Return the memory that the recording added."""
        return self._recording.num_bytes if self._recording else 0

    def __call__(self) -> None:
        """Do once what the function does."""
        if self._recorder is None:
            self._function()
        elif not self._is_warm:
            self._recorder.warm_up(self._function)
            self._is_warm = True
        else:
            self._replay(self._recorder)

    def _replay(self, recorder: Recorder) -> None:
        if self._recording is None:
            try:
                self._recording = recorder.record(self._function, self._generators)
            except RuntimeError as error:
                _LOG.warning("a pass could not be recorded and runs unrecorded: %s", str(error).partition("\n")[0])
                self._recorder = None
        # Only here, behind the except block, is the traceback gone whose frames hold what was allocated.
        if self._recording is None:
            self._function()
        else:
            self._recording.replay()


class Programs:
    """The programs used last, within a number and a number of bytes; the last one always stays."""

    def __init__(self, max_programs: int = 12, max_bytes: int = 2 << 30) -> None:
        self._max_programs, self._max_bytes = max_programs, max_bytes
        self._programs: OrderedDict[Hashable, Program] = OrderedDict()

    def __len__(self) -> int:
        return len(self._programs)

    @property
    def num_bytes(self) -> int:
        """Return what all of them keep: recordings share temporary memory, which is counted once."""
        return sum(program.num_bytes for program in self._programs.values())

    def limit(self, max_bytes: int) -> None:
        """Keep no more bytes from now on; the last program stays in any case."""
        self._max_bytes = max_bytes
        self._drop()

    def get(self, key: Hashable, build: Callable[[], P]) -> P:
        """Return the program of a key, built where there is none, and drop those that were not used for longest."""
        program = self._programs.get(key)
        if program is None:
            program = self._programs[key] = build()
        self._programs.move_to_end(key)
        self._drop()
        return cast("P", program)

    def clear(self) -> None:
        """Drop all of them."""
        self._programs.clear()

    def _drop(self) -> None:
        while len(self._programs) > 1 and self._is_over():
            self._programs.popitem(last=False)

    def _is_over(self) -> bool:
        return len(self._programs) > self._max_programs or self.num_bytes > self._max_bytes


class CudaRecorder:
    """CUDA graphs with one memory pool: none runs beside another, so all may use the same temporary memory."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._stream: torch.cuda.Stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        self._pool = torch.cuda.graph_pool_handle()

    def warm_up(self, function: Callable[[], None]) -> None:
        """Run the function on the side stream, between what was and what will be asked of the current one."""
        current = torch.cuda.current_stream(self._device)
        self._stream.wait_stream(current)
        try:
            with torch.cuda.stream(self._stream):
                function()
        finally:  # After a failure, too, what was asked for still writes to memory that may be given back.
            current.wait_stream(self._stream)

    def record(self, function: Callable[[], None], generators: Sequence[torch.Generator]) -> Recording:
        """Capture the function on the side stream. Raises: RuntimeError where it does what a graph cannot hold."""
        graph = torch.cuda.CUDAGraph()
        for generator in generators:
            graph.register_generator_state(generator)
        torch.cuda.empty_cache()  # as capturing begins with, so that what it adds can be told
        before = torch.cuda.memory_reserved(self._device)
        current = torch.cuda.current_stream(self._device)
        try:
            # Other threads may use the device meanwhile; only this one's calls are watched.
            with torch.cuda.graph(graph, pool=self._pool, stream=self._stream, capture_error_mode="thread_local"):
                function()
        except RuntimeError:
            torch.cuda.set_stream(current)  # Where ending the capture fails, torch stays on the side stream.
            self._clean_up(generators)
            raise
        return Recording(graph.replay, max(0, torch.cuda.memory_reserved(self._device) - before))

    def _clean_up(self, generators: Sequence[torch.Generator]) -> None:
        """Undo what a failed capture leaves: an allocator and generators that wait for its end for ever.

        Otherwise no cached memory is given back any more and, in older torch, these generators draw no numbers.
        """
        index = torch.cuda.current_device() if self._device.index is None else self._device.index
        with contextlib.suppress(RuntimeError, AttributeError):  # Where the capture was ended, this is refused.
            torch._C._cuda_endAllocateToPool(index, self._pool)
        self._pool = torch.cuda.graph_pool_handle()
        for generator in (*generators, torch.cuda.default_generators[index]):
            fresh = torch.Generator(self._device)
            fresh.set_state(generator.get_state())
            generator.graphsafe_set_state(fresh)


def recorder_for(device: torch.device) -> Recorder | None:
    """Return what records on a device: None where nothing does."""
    return CudaRecorder(device) if device.type == "cuda" else None
