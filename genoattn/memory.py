"""Keep freed memory for the next tensor; touches the allocator settings of this process."""

from __future__ import annotations

import ctypes
import sys

_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_MAX = -1, -2, -4
_PAD = 2**28


def keep_freed_memory() -> bool:
    """Stop glibc from returning every large temporary to the kernel.

    By default each tensor above 32 MiB is mapped afresh and unmapped when freed, and the kernel
    zeroes its pages every time: that alone makes attention over long segments 1.3 to 3 times
    slower.  Returns whether the settings took (False where the C library is not glibc).
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):
        return False
    return all(
        mallopt(option, value) == 1
        for option, value in (
            (_M_MMAP_MAX, 0),
            (_M_TRIM_THRESHOLD, 2**31 - 1),
            (_M_TOP_PAD, _PAD),
        )
    )
