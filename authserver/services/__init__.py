"""Writes: one function per use case."""

from authserver.services.actions import (
    release,
    replace,
    resume,
    resume_by_operator,
    revoke,
    revoke_by_operator,
    suspend,
    suspend_by_operator,
    unlock,
    unlock_by_operator,
)
from authserver.services.enrolment import (
    Comparison,
    comparison,
    confirm_digits,
    enrol_token,
    provision_token,
)
from authserver.services.exports import export_batch
from authserver.services.hosts import (
    add_platform,
    check_ready,
    end_host_key,
    host_keys,
    init_host,
    replace_platform_key,
    rotate_host_key,
)
from authserver.services.lifecycle import expire_due
from authserver.services.moving import (
    distrust_host,
    import_server,
    move_server,
    offer_place,
    trust_host,
)
from authserver.services.operators import (
    add_operator,
    replace_operator_password,
    retire_operator,
    sign_in,
)
from authserver.services.pairing import Paired, pair_server
from authserver.services.policies import set_policy
from authserver.services.proofs import give_proof
from authserver.services.renewal import renew_servers
from authserver.services.restoring import after_restore
from authserver.services.resynchronising import Answered, resynchronise
from authserver.services.rotation import rotate_kek
from authserver.services.signing_keys import rotate_signing_key
from authserver.services.stock import assign_token
from authserver.services.verdicts import Ended, Wrong, give_verdict, void_statement
from authserver.services.witnessing import Shown, Witnessed, forget_log, witness

__all__ = [
    "Answered",
    "Comparison",
    "Ended",
    "Paired",
    "Shown",
    "Witnessed",
    "Wrong",
    "add_operator",
    "add_platform",
    "after_restore",
    "assign_token",
    "check_ready",
    "comparison",
    "confirm_digits",
    "distrust_host",
    "end_host_key",
    "enrol_token",
    "expire_due",
    "export_batch",
    "forget_log",
    "give_proof",
    "give_verdict",
    "host_keys",
    "import_server",
    "init_host",
    "move_server",
    "offer_place",
    "pair_server",
    "provision_token",
    "release",
    "renew_servers",
    "replace",
    "replace_operator_password",
    "replace_platform_key",
    "resume",
    "resume_by_operator",
    "resynchronise",
    "retire_operator",
    "revoke",
    "revoke_by_operator",
    "rotate_host_key",
    "rotate_kek",
    "rotate_signing_key",
    "set_policy",
    "sign_in",
    "suspend",
    "suspend_by_operator",
    "trust_host",
    "unlock",
    "unlock_by_operator",
    "void_statement",
    "witness",
]
