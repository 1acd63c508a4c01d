"""What an SMS centre does between the site and phones, for demos and tests.

What the site sends lies in the files of its setting ``SMS_URL``; what a phone sends is told to the
site by its webhook (docs/sms.md).
"""

import base64
import hmac
import json
import re
import secrets
import time

import urllib3

from countersign.local import LocalServices
from countersign.person import PersonError

_SIX_DIGITS = re.compile(r"\b[0-9]{6}\b")


def deliver_sms(services: LocalServices, sender: str, text: str) -> int:
    """Tell the site of an SMS from a number; return the status of its answer.

    Source:
        Standard Webhooks, version 1.
    """
    body = json.dumps({"from": sender, "text": text})
    message_id, at = f"sms_{secrets.token_hex(8)}", str(int(time.time()))
    secret = services.environment("platform")["SMS_INBOUND_SECRETS"].removeprefix("whsec_")
    signed = f"{message_id}.{at}.{body}".encode()
    signature = base64.b64encode(hmac.digest(base64.b64decode(secret), signed, "sha256"))
    headers = {
        "webhook-id": message_id,
        "webhook-timestamp": at,
        "webhook-signature": f"v1,{signature.decode()}",
    }
    trusted = str(services.certificate.authority) if services.certificate else None
    http = urllib3.PoolManager(retries=False, ca_certs=trusted)
    url = f"{services.origin}/sms/inbound"
    return http.request("POST", url, body=body.encode(), headers=headers).status


def sms_to(services: LocalServices, number: str) -> list[str]:
    """Have the site send what waits; return all SMS to a number, oldest first."""
    services.manage("worker", "--once")
    files = sorted((services.folder / "sms").glob("*.txt"))
    texts = [file.read_text("utf-8").split("\n", 1) for file in files]
    return [text.rstrip("\n") for to, text in texts if to == number]


def texted_code(services: LocalServices, number: str) -> str:
    """Have SMS sent, and return the code in the newest one to a number.

    Raises:
        PersonError: there is none.
    """
    found = [code for text in sms_to(services, number) for code in _SIX_DIGITS.findall(text)]
    if not found:
        raise PersonError("no code came by SMS")
    return str(found[-1])
