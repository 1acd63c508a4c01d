"""Files that hold secrets: replaced whole or not at all."""

import os
import shutil
import tempfile
from pathlib import Path


def replace_file(path: Path, data: bytes) -> None:
    """Write a file so that whoever reads it, even after a power cut, finds all of it or the old.

    A new file is its owner's alone; one that was there keeps its owner and its mode.

    Raises:
        OSError: it cannot be written; nothing has changed.
    """
    # mkstemp gives the file to its owner alone (0600).
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            if path.exists():
                before = path.stat()
                os.fchown(file.fileno(), before.st_uid, before.st_gid)
                shutil.copymode(path, name)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise
    # The new name must outlast a power cut too.
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
