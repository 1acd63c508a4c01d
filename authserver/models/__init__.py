"""What a host keeps: its keys, the platforms it serves, paired servers, and what they decided."""

from authserver.models.fields import BytesField
from authserver.models.host import DataKey, HostKey, HostState, SignInWait, TrustedHost
from authserver.models.imports import ImportChunk, ImportJob
from authserver.models.platforms import (
    MAX_BUDGET,
    MAX_CONSECUTIVE_FAILURES,
    MAX_LOCK_LEVEL,
    MAX_LOCK_SECONDS,
    LogRefusal,
    Platform,
    WitnessedLog,
    default_locks,
)
from authserver.models.servers import Batch, Enrolment, FormerKey, Passage, Server
from authserver.models.verdicts import Event, Failure, Proof, Verdict

__all__ = [
    "MAX_BUDGET",
    "MAX_CONSECUTIVE_FAILURES",
    "MAX_LOCK_LEVEL",
    "MAX_LOCK_SECONDS",
    "Batch",
    "BytesField",
    "DataKey",
    "Enrolment",
    "Event",
    "Failure",
    "FormerKey",
    "HostKey",
    "HostState",
    "ImportChunk",
    "ImportJob",
    "LogRefusal",
    "Passage",
    "Platform",
    "Proof",
    "Server",
    "SignInWait",
    "TrustedHost",
    "Verdict",
    "WitnessedLog",
    "default_locks",
]
