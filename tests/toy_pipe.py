"""A pipe as a shell gives one: read once, from the first byte to the last."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def piped(path: Path, data: bytes) -> Iterator[Path]:
    """Write to a named pipe, once, while the block reads it."""
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=(data,), daemon=True)
    writer.start()
    yield path
    writer.join(timeout=10)
    assert not writer.is_alive(), "nobody read the pipe"
