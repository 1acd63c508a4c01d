"""A person with a browser and a token program, over HTTP alone, as demo and tests play them."""

import json
import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass, field
from functools import cached_property
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import urllib3

from countersign.local import ROOT

# As long as a busy machine takes.
MAIL_SECONDS = 120
_CONFIRM_EMAIL = "/accounts/confirm-email/"


class PersonError(Exception):
    """Something a person tried did not go as it should."""


@dataclass
class Person:
    """One person: e-mail address, cookies, API key, and a folder for the token's file.

    Attributes:
        origin: The platform.
        email: The login.
        mail: Folder in which the platform writes e-mail.
        folder: Where the token program keeps its file.
        name: What later parties read.
        ca_file: Certificates to trust for HTTPS; the system's when none is named.
    """

    origin: str
    email: str
    mail: Path
    folder: Path
    name: str
    password: str = "correct horse battery"  # noqa: S105  # of people made up here
    key: str = ""
    serial: str = ""
    ca_file: Path | None = None
    cookies: dict[str, str] = field(default_factory=dict)

    @cached_property
    def http(self) -> urllib3.PoolManager:
        """The browser's connections."""
        trusted = None if self.ca_file is None else str(self.ca_file)
        return urllib3.PoolManager(retries=False, ca_certs=trusted)

    def sign_in(self) -> None:
        """Sign in, or else sign up, and get an API key; what an earlier try began is finished."""
        try:
            page = self._form("/accounts/login/", login=self.email, password=self.password)
        except PersonError:
            self.sign_up()
        else:
            self._finish_sign_up(page)

    def sign_up(self) -> None:
        """Sign up as a browser does, confirm the e-mail address, and get an API key."""
        page = self._form("/accounts/signup/", email=self.email, password1=self.password)
        self._finish_sign_up(page)

    def _finish_sign_up(self, page: str) -> None:
        if page == _CONFIRM_EMAIL:
            self._form(_CONFIRM_EMAIL, code=self.mailed_code())
        headers = {"X-CSRFToken": self.cookies["csrftoken"], "Origin": self.origin}
        self.key = self.call("POST", "/api-keys", {"name": "demo"}, headers=headers)["key"]
        self.call("POST", "/me", {"name": self.name})

    def enrol_token(self, name: str = "Phone", suite: str = "") -> str:
        """Enrol the token program, compare the digits, and answer the activation statement."""
        pairing = self.call("POST", "/tokens", {"name": name, "suite": suite})
        enrolled = self.token("enrol", pairing["invitation"], "--json")
        self.serial = pairing["serial"]
        digits = str(json.loads(enrolled)["digits"])
        step = self.call("POST", f"/tokens/{self.serial}/activate", {"digits": digits})
        self.token("respond", step["challenge"], "--yes", "--post")
        return digits

    def call(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> Any:
        """Call the API and return its JSON.

        Raises:
            PersonError: it refused; the problem document is in the message.
        """
        response = self._request(
            method,
            f"/api/v1{path}",
            body=None if body is None else json.dumps(body),
            headers={"Content-Type": "application/json", **(headers or {})},
        )
        if response.status >= 400:
            raise PersonError(f"{method} {path}: {response.data.decode()}")
        return response.json() if response.data else None

    def upload(self, path: str, name: str, content: bytes, media_type: str) -> Any:
        """Send a file to an API path, as a form does, and return the JSON of the answer.

        Raises:
            PersonError: it refused.
        """
        file = {"file": (name, content, media_type)}
        response = self._request("POST", f"/api/v1{path}", fields=file)
        if response.status >= 400:
            raise PersonError(f"POST {path}: {response.data.decode()}")
        return response.json()

    def download(self, path: str) -> bytes:
        """Return the bytes behind an API path.

        Raises:
            PersonError: it refused.
        """
        response = self._request("GET", f"/api/v1{path}")
        if response.status != 200:
            raise PersonError(f"GET {path}: {response.data.decode()}")
        return response.data

    @property
    def token_environment(self) -> dict[str, str]:
        """The environment in which the token program finds this person's tokens."""
        own = {
            "PYTHONPATH": str(ROOT),
            "COUNTERSIGN_TOKEN_FILE": str(self.folder / f"{self.email}.tokens"),
            "COUNTERSIGN_TOKEN_PASSPHRASE": self.password,
        }
        if self.ca_file is not None:
            own["COUNTERSIGN_TOKEN_CA_FILE"] = str(self.ca_file)
        return {**os.environ, **own}

    def token(self, *arguments: str) -> str:
        """Run the token program and return what it printed.

        Raises:
            PersonError: it refused; its sentence is in the message.
        """
        done = subprocess.run(  # noqa: S603  # our own program
            [sys.executable, "-m", "tokens", *arguments],
            cwd=ROOT,
            env=self.token_environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            text=True,
        )
        if done.returncode:
            raise PersonError(f"token {arguments[0]}: {done.stderr.strip()}")
        return done.stdout.strip()

    def _request(self, method: str, path: str, **options: Any) -> urllib3.BaseHTTPResponse:
        headers = options.pop("headers", {})
        if self.key:
            headers["Authorization"] = f"Bearer {self.key}"
        elif self.cookies:
            headers["Cookie"] = "; ".join(
                f"{name}={value}" for name, value in self.cookies.items()
            )
        response = self.http.request(
            method, self.origin + path, headers=headers, redirect=False, **options
        )
        for line in response.headers.getlist("Set-Cookie"):
            for name, morsel in SimpleCookie(line).items():
                self.cookies[name] = morsel.value
        return response

    def _form(self, path: str, **fields: str) -> str:
        """Open a page with a form, and send it; return where that leads."""
        self._request("GET", path)
        fields["csrfmiddlewaretoken"] = self.cookies.get("csrftoken", "")
        response = self._request(
            "POST",
            path,
            body=urlencode(fields),
            headers={
                "Content-Type": "application/x-www-form-urlencoded",
                "Origin": self.origin,
            },
        )
        if response.status != 302:
            raise PersonError(f"POST {path}: {response.status}")
        return response.headers["Location"]

    def mailed_code(self) -> str:
        """Return the newest code that was mailed to this person."""
        deadline = time.monotonic() + MAIL_SECONDS
        while time.monotonic() < deadline:
            for path in sorted(self.mail.glob("*"), key=lambda path: -path.stat().st_mtime):
                text = path.read_text("utf-8")
                found = re.findall(r"^([A-Z0-9]{4}-[A-Z0-9]{4})$", text, re.MULTILINE)
                if f"To: {self.email}" in text and found:
                    return str(found[-1])
            time.sleep(0.05)
        raise PersonError(f"no code was mailed to {self.email}")
