"""Writes: one function per use case."""

from authserver.services.enrolment import Comparison, comparison, confirm_digits, enrol_token
from authserver.services.hosts import (
    add_platform,
    check_ready,
    host_keys,
    init_host,
    replace_platform_key,
)
from authserver.services.lifecycle import (
    after_restore,
    resume,
    revoke,
    revoke_by_operator,
    suspend,
    unlock,
    unlock_by_operator,
)
from authserver.services.pairing import Paired, pair_server
from authserver.services.verdicts import Ended, Wrong, give_verdict, void_statement

__all__ = [
    "Comparison",
    "Ended",
    "Paired",
    "Wrong",
    "add_platform",
    "after_restore",
    "check_ready",
    "comparison",
    "confirm_digits",
    "enrol_token",
    "give_verdict",
    "host_keys",
    "init_host",
    "pair_server",
    "replace_platform_key",
    "resume",
    "revoke",
    "revoke_by_operator",
    "suspend",
    "unlock",
    "unlock_by_operator",
    "void_statement",
]
