"""Fields that both databases read alike."""

from django.db import models


class BytesField(models.BinaryField):  # type: ignore[type-arg]  # not generic when it runs
    """Bytes, which is how both databases give them; the stubs allow for ``memoryview`` too."""

    _pyi_private_set_type: bytes
    _pyi_private_get_type: bytes
