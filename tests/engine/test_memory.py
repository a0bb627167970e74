"""What the C library keeps between passes, and gives back when it is told to."""

from __future__ import annotations

import subprocess
import sys

_PROGRAM = """
from engine import memory

def held_mb():
    return memory.resident_bytes() / 1e6

memory.keep_freed()
before = held_mb()
held = [bytearray(b"x") * (8 << 20) for _ in range(10)]
full = held_mb()
del held
kept = held_mb()
memory.release()
print(round(full - before), round(kept - before), round(held_mb() - before))
"""


def test_what_is_freed_is_kept_for_the_next_pass_and_given_back_by_a_release():
    done = subprocess.run([sys.executable, "-c", _PROGRAM], capture_output=True, text=True, check=True)
    full, kept, released = map(int, done.stdout.split())
    assert full > 70
    assert kept > 70
    assert released < 20
