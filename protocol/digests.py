"""The three digests S, V and L (docs/protocol.md section 2)."""

import hashlib


def statement_digest(payload: bytes) -> bytes:
    """Return S, over the statement's payload and not the COSE bytes around it."""
    return _tagged("countersign/statement/1", payload)


def verdict_digest(message: bytes) -> bytes:
    """Return V, over the whole verdict COSE_Sign1."""
    return _tagged("countersign/verdict/1", message)


def link_digest(s: bytes, v: bytes) -> bytes:
    """Return L, the ``prev`` of the next statement, from S and V of this step."""
    return _tagged("countersign/link/1", s + v)


def _tagged(domain: str, content: bytes) -> bytes:
    return hashlib.sha256(domain.encode() + b"\x00" + content).digest()
