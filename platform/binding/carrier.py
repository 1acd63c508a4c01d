"""Ask the carrier of a number whether its SIM was swapped: one interface, two carriers.

Setting ``CARRIER_URL``: empty, nobody is asked; ``file:///path``, the fake, for tests and trials;
``https://…/sim-swap/v1``, the CAMARA API that carriers offer.
"""

import json
import secrets
from functools import cache
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

import urllib3
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from binding.errors import CarrierUnavailableError

# CAMARA SIM Swap: maxAge is 1 to 2400 hours.
MAX_HOURS = 2400
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_MAX_ANSWER_BYTES = 10_000


class Carrier(Protocol):
    """Whoever knows which SIM a number has."""

    def was_swapped(self, number: str, *, within_hours: int) -> bool:
        """Tell whether a number, E.164, got another SIM within so many hours.

        Raises:
            CarrierUnavailableError: there is no usable answer.
        """
        ...


class FakeCarrier:
    """A file with a number in each line: those were swapped just now."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def was_swapped(self, number: str, *, within_hours: int) -> bool:
        """Look the number up, each time anew; no file, no swap."""
        try:
            return number in self._path.read_text("ascii").split()
        except FileNotFoundError:
            return False


class CamaraSimSwap:
    """``POST /check`` of CAMARA SIM Swap, version 1 and later (github.com/camaraproject/SimSwap).

    Args:
        url: Up to and with the version, such as ``https://api.example.com/sim-swap/v1``.
        token: OAuth 2.0 access token with the scope ``sim-swap:check``.
    """

    def __init__(self, url: str, token: str) -> None:
        self._url = f"{url.rstrip('/')}/check"
        self._token = token
        # One try: the phone asks again, and a person waits for it.
        self._pool = urllib3.PoolManager(timeout=3.0, retries=False)

    def was_swapped(self, number: str, *, within_hours: int) -> bool:
        """Ask; whatever is not a plain yes or no is none."""
        body = {"phoneNumber": number, "maxAge": min(max(within_hours, 1), MAX_HOURS)}
        headers = {
            "Authorization": f"Bearer {self._token}",
            "Content-Type": "application/json",
            "x-correlator": secrets.token_hex(16),
        }
        try:
            answer = self._pool.request(
                "POST", self._url, body=json.dumps(body), headers=headers, redirect=False
            )
            swapped = json.loads(answer.data[:_MAX_ANSWER_BYTES])["swapped"]
        except (urllib3.exceptions.HTTPError, ValueError, KeyError, TypeError) as error:
            raise CarrierUnavailableError from error
        if answer.status != 200 or type(swapped) is not bool:
            raise CarrierUnavailableError
        return swapped


def carrier() -> Carrier | None:
    """Return whom the settings say to ask; ``None`` for nobody.

    Raises:
        ImproperlyConfigured: the setting says nothing sensible.
    """
    return _carrier(settings.CARRIER_URL, settings.CARRIER_TOKEN)


@cache
def _carrier(url: str, token: str) -> Carrier | None:
    if not url:
        return None
    parts = urlsplit(url)
    if parts.scheme == "file":
        return FakeCarrier(Path(parts.path))
    # The token would be read on its way.
    if parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        return CamaraSimSwap(url, token)
    raise ImproperlyConfigured("CARRIER_URL must be like https://host/sim-swap/v1 or file:///path")
