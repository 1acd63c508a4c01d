"""A host's word that a platform's receipt log only grew: docs/protocol.md section 22."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from protocol import cose
from protocol.cose import Typ
from protocol.ed25519 import SigningKey
from protocol.errors import ProtocolError
from protocol.keys import Directory, Host, find_signer
from protocol.log import Checkpoint, Proof


@dataclass(frozen=True, slots=True)
class Cosignature:
    """Who signed for a checkpoint beside the platform, with which key, and when by its clock."""

    host: Host
    key: bytes
    time: int


def cosign(checkpoint: Checkpoint, key: SigningKey, now: int) -> bytes:
    """Return a host's signature on a checkpoint, typ cs-cosignature, at a Unix time.

    It says that the log it stands for begins with every log the host has signed for before.
    """
    return replace(checkpoint, time=now).sign(key, Typ.COSIGNATURE)


def check_cosignature(
    message: bytes, checkpoint: Checkpoint, hosts: Sequence[Host]
) -> Cosignature:
    """Check that one of these hosts signed for a checkpoint.

    Raises:
        ProtocolError: whatever rule it breaks; ``cosignature_wrong`` when it is for another log;
            ``signature_invalid`` when no key of theirs signed it on a day of its certificate.
    """
    found = find_cosigner(message, checkpoint, hosts)
    if found is None:
        raise ProtocolError("signature_invalid", "no listed host signed it")
    return found


def find_cosigner(
    message: bytes, checkpoint: Checkpoint, hosts: Sequence[Host]
) -> Cosignature | None:
    """Return which of these hosts signed for a checkpoint; ``None`` when it was another one.

    Raises:
        ProtocolError: as :func:`check_cosignature`, but for ``signature_invalid``.
    """
    signed = cose.parse(message)
    seen = Checkpoint.from_signed(signed, Typ.COSIGNATURE)
    if replace(seen, time=checkpoint.time) != checkpoint:
        raise ProtocolError("cosignature_wrong", "the host signed for another log")
    for host in hosts:
        current = [key for key in host.host_keys() if key.covers(seen.time)]
        signer = find_signer(signed, current)
        if signer is not None:
            return Cosignature(host, signer.key, seen.time)
    return None


def cosigners(proof: Proof, checkpoint: Checkpoint, directory: Directory) -> list[str]:
    """Return the names of the hosts that signed for a proof's checkpoint, each once.

    Hosts and keys that the directory does not list are left out: it may be older than they are.
    A key that had ended counts for nothing; of one that got out nobody knows when it signed.

    Raises:
        ProtocolError: as :func:`find_cosigner`; no such file is a proof.
    """
    found = [find_cosigner(each, checkpoint, directory.hosts) for each in proof.cosignatures]
    names = [each.host.name for each in found if each and _counts(each, directory)]
    return [*dict.fromkeys(names)]


def _counts(cosignature: Cosignature, directory: Directory) -> bool:
    end = directory.end_of(cosignature.key)
    return end is None or (end.compromised_at is None and not end.is_retired(cosignature.time))
