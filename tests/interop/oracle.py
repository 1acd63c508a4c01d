"""Other people's COSE, in an environment of its own: JSON requests in, JSON answers out.

Started by test_cose_oracles.py with the Python of `.venv-oracle`.  cwt and pycose need an older
cbor2 than ours, so they are imported only there.
"""

import json
import sys
from typing import Any

ED25519 = -19


def cwt_verifies(request: dict[str, Any]) -> str:
    """Open a message with cwt; return its payload."""
    from cwt import COSE  # type: ignore[import-not-found]  # lives in .venv-oracle

    key = cwt_key(request, {2: bytes.fromhex(request["kid"])})
    message, aad = bytes.fromhex(request["message"]), bytes.fromhex(request["external_aad"])
    return bytes(COSE().decode(message, key, external_aad=aad)).hex()


def cwt_signs(request: dict[str, Any]) -> str:
    """Sign a payload with cwt, under the headers that ours have; return the message."""
    from cwt import COSE

    kid = bytes.fromhex(request["kid"])
    key = cwt_key(request, {2: kid, -4: bytes.fromhex(request["secret"])})
    headers = {1: ED25519, 4: kid, 16: request["typ"]}
    return bytes(COSE.new().encode(bytes.fromhex(request["payload"]), key, headers)).hex()


def cwt_key(request: dict[str, Any], more: dict[int, Any]) -> Any:
    """An OKP key for cwt (RFC 9053 section 7.2)."""
    from cwt import COSEKey

    public = bytes.fromhex(request["public"])
    return COSEKey.new({1: 1, -1: 6, -2: public, 3: request["algorithm"], **more})


def pycose_verifies(request: dict[str, Any]) -> str:
    """Open a message with pycose, which knows Ed25519 by its old number only."""
    from pycose.keys import OKPKey  # type: ignore[import-not-found]  # the same
    from pycose.messages import Sign1Message  # type: ignore[import-not-found]  # the same

    message = Sign1Message.decode(bytes.fromhex(request["message"]))
    message.external_aad = bytes.fromhex(request["external_aad"])
    message.key = OKPKey(crv="ED25519", x=bytes.fromhex(request["public"]))
    if not message.verify_signature():
        raise ValueError("signature")
    return bytes(message.payload).hex()


def answer(request: dict[str, Any]) -> str | None:
    """Do what is asked; None says that the library refused."""
    actions = {"cwt": cwt_verifies, "cwt_signs": cwt_signs, "pycose": pycose_verifies}
    try:
        return actions[request["library"]](request)
    except Exception as error:  # noqa: BLE001  # whatever it is, it is a refusal
        sys.stderr.write(f"{request['library']}: {error!r}\n")
        return None


if __name__ == "__main__":
    json.dump([answer(request) for request in json.load(sys.stdin)], sys.stdout)
