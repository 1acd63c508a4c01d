"""Where encrypted files of resources lie."""

from pathlib import Path

from django.conf import settings

from common.filestore import FileStore


def resource_files() -> FileStore:
    """Return the store of resources."""
    return FileStore(Path(settings.RESOURCE_STORE), "csres")
