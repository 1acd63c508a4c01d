"""Public ids of things: they tell nothing, and nobody guesses one."""

import secrets


def new_uid() -> bytes:
    """Return a fresh public id: 8 random bytes."""
    return secrets.token_bytes(8)
