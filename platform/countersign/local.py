"""Both services on this machine: set up, paired and started, for demo, run, tests and bench.

It needs no settings of its own and imports neither service: it runs their commands.
"""

import base64
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path

import urllib3

from countersign.certificates import Certificate

ROOT = Path(__file__).resolve().parents[2]
# A process that ends is noticed at once; a busy machine takes long to start one.
START_SECONDS = 120
# To migrate and to serve checks the settings, which nobody changes after that; the others never
# check.
_CANNOT_SKIP_CHECKS = ("migrate", "shell", "verify_receipt")
STOP_SECONDS = 10


@dataclass
class LocalServices:
    """A platform and an authentication server host, with all they keep in one folder.

    Attributes:
        folder: Secrets (mode 0600), databases, e-mail and logs.
        platform_port: Where the platform listens, on loopback.
        authserver_port: Where the host listens.
        database_url: The platform's; SQLite in the folder when empty.
        authserver_database_url: The host's; likewise.
        workers: Processes of each service.
        lan: An address or name of this machine, to serve the local network there over HTTPS;
            when empty, loopback alone is served, over HTTP.
    """

    folder: Path
    platform_port: int = 8000
    authserver_port: int = 8001
    database_url: str = ""
    authserver_database_url: str = ""
    workers: int = 1
    lan: str = ""
    processes: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)

    @property
    def origin(self) -> str:
        """The platform's address."""
        return f"{self._address}:{self.platform_port}"

    @property
    def authserver_origin(self) -> str:
        """The host's address."""
        return f"{self._address}:{self.authserver_port}"

    @property
    def certificate(self) -> Certificate | None:
        """What both services show; ``None`` over HTTP."""
        return Certificate.below(self.folder / "tls") if self.lan else None

    @property
    def _address(self) -> str:
        return f"https://{self.lan}" if self.lan else "http://localhost"

    def prepare(self) -> None:
        """Write secrets, migrate, make keys, and pair the two; what exists is kept.

        To be paired the authserver runs; it is left running for whoever starts both next.

        Raises:
            RuntimeError: the folder was set up for other ports, or the authserver does not start.
            subprocess.CalledProcessError: a command failed; its output was shown.
        """
        self._write_settings()
        if self.certificate:
            names = [self.lan, "localhost", "127.0.0.1", "::1"]
            self.certificate.keep(names, now=datetime.now(UTC))
        self.migrate("platform")
        if (self.folder / "host.key").exists():
            self.migrate("authserver")
            return
        root = self.folder / "platform-root.hex"
        self.manage("create_keys", "--root-public", str(root))
        key_file = self.folder / "host.key.new"
        fingerprint = self.prepare_authserver(platform_root=str(root), key_file=key_file)
        with ExitStack() as undo:
            undo.callback(self.stop, "authserver")
            self.start("authserver")
            self.manage(
                *("add_host", self.authserver_origin, "--fingerprint", fingerprint),
                *("--key-file", str(key_file)),
            )
            key_file.rename(self.folder / "host.key")
            undo.pop_all()

    def prepare_authserver(
        self, *, platform_root: str, key_file: Path, name: str = "Local host"
    ) -> str:
        """Migrate the host, make its keys, and let a platform of our origin in.

        Args:
            platform_root: The platform's public root key: 64 hex digits, or a file of them.
            key_file: Where the bearer key that it gives the platform is written.
            name: What the host is called; no two of a platform have one name.

        Returns:
            The fingerprint of the host's root key.

        Raises:
            subprocess.CalledProcessError: a command failed; its output was shown.
        """
        self._write_settings()
        self.migrate("authserver")
        was_begun = (self.folder / "authserver-root.key").exists()
        fingerprint = self.authserver("init", "--name", name).split("root key")[1]
        options = ["--id", "countersign", "--key-file", str(key_file)]
        if was_begun and "platform  " in self.authserver("keys"):
            # An earlier run was interrupted after this: its key may be lost, so it gets another.
            self.authserver("add_platform", *options, "--new-key")
        else:
            origin, root = ("--origin", self.origin), ("--root", platform_root)
            self.authserver("add_platform", *options, *origin, *root)
        return fingerprint

    def migrate(self, service: str) -> None:
        """Make the tables of a service, or bring them up to date."""
        run = self.manage if service == "platform" else self.authserver
        run("migrate", "--verbosity=0")

    def environment(self, service: str) -> dict[str, str]:
        """Return the environment of a service's processes: its own secrets, not the other's."""
        path = self.folder / f"{'platform' if service == 'worker' else service}.env"
        own = dict(line.split("=", 1) for line in path.read_text("utf-8").splitlines())
        # What a file of the service's own gives, nothing else must give as well.
        ours = {name: value for name, value in os.environ.items() if f"{name}_FILE" not in own}
        ours |= dict.fromkeys(["AUTHSERVER_ENV_FILE", "COUNTERSIGN_ENV_FILE"], str(path.resolve()))
        return {**ours, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'platform'}", **own}

    def manage(self, *arguments: str, said: str = "") -> str:
        """Run ``manage.py`` with something on its standard input; return what it printed."""
        return self._run("platform", [sys.executable, "manage.py", *_unchecked(arguments)], said)

    def authserver(self, *arguments: str) -> str:
        """Run ``python -m authserver`` and return what it printed."""
        return self._run(
            "authserver", [sys.executable, "-m", "authserver", *_unchecked(arguments)]
        )

    @contextmanager
    def running(self, *services: str) -> Iterator[None]:
        """Have services run for a while; both when none is named."""
        wanted = services or ("authserver", "platform")
        try:
            for service in wanted:
                self.start(service)
            yield
        finally:
            for service in wanted:
                self.stop(service)

    def start(self, service: str) -> None:
        """Start a service, or the platform's worker, and wait until it answers; unless it runs.

        Raises:
            RuntimeError: its port is taken, or it does not answer; the log's end is shown.
        """
        if service in self.processes:
            return
        self.check_port(service)
        with self.log(service).open("ab") as log:
            self.processes[service] = subprocess.Popen(  # noqa: S603  # our own commands
                self._command(service),
                cwd=ROOT,
                env=self.environment(service),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        if service in self._ports:
            self._await(service)

    def check_port(self, service: str) -> None:
        """See that nobody listens where a service is to.

        Raises:
            RuntimeError: somebody does.
        """
        port = self._ports.get(service)
        if port and not _is_free(port):
            raise RuntimeError(
                f"port {port} is in use: stop what listens there, or choose another"
            )

    def log(self, service: str) -> Path:
        """Name the file of what a service says while it runs."""
        return self.folder / f"{service}.log"

    def stop(self, service: str) -> None:
        """Stop a service, by force if it does not go."""
        process = self.processes.pop(service, None)
        if process is None:
            return
        for how in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(process.pid, how)
                process.wait(STOP_SECONDS)
            except (subprocess.TimeoutExpired, ProcessLookupError):
                continue

    @property
    def _ports(self) -> dict[str, int]:
        return {"platform": self.platform_port, "authserver": self.authserver_port}

    def _command(self, service: str) -> list[str]:
        if service == "worker":
            return [sys.executable, "manage.py", "worker"]
        options = ["--port", str(self._ports[service]), "--workers", str(self.workers)]
        options += ["--host", "0.0.0.0" if self.lan else "127.0.0.1"]  # noqa: S104  # as asked for
        if self.certificate:
            options += ["--ssl-certificate", str(self.certificate.server)]
            options += ["--ssl-keyfile", str(self.certificate.key)]
        if service == "authserver":
            return [sys.executable, "-m", "authserver", "serve", *options]
        return [sys.executable, "manage.py", "serve", *options]

    def _await(self, service: str) -> None:
        """Wait until it answers."""
        process = self.processes[service]
        trusted = str(self.certificate.authority) if self.certificate else None
        http = urllib3.PoolManager(retries=False, timeout=2, ca_certs=trusted)
        # Past whatever the origin may lead through.
        url = f"{self._address}:{self._ports[service]}/healthz"
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and process.poll() is None:
            try:
                if http.request("GET", url).status == HTTPStatus.OK:
                    return
            except urllib3.exceptions.HTTPError:
                pass
            time.sleep(0.05)
        self.stop(service)
        end = self.log(service).read_text("utf-8", "replace")[-2000:]
        raise RuntimeError(f"the {service} did not start:\n{end}")

    def _run(self, service: str, command: list[str], said: str = "") -> str:
        done = subprocess.run(  # noqa: S603  # our own commands
            command,
            cwd=ROOT,
            env=self.environment(service),
            input=said,
            capture_output=True,
            check=False,
            text=True,
            # Ctrl-C is for us: we stop it, and it need not say how it broke off.
            start_new_session=True,
        )
        if done.returncode:
            sys.stderr.write(done.stderr)
            done.check_returncode()
        return done.stdout

    def _write_settings(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        platform_tls: dict[str, str] = {}
        authserver_tls: dict[str, str] = {}
        if self.certificate:
            # A browser told to insist on HTTPS would let nobody past a certificate that it cannot
            # check, for a year.
            platform_tls["COUNTERSIGN_HSTS_SECONDS"] = "0"
            authserver_tls["AUTHSERVER_HSTS_SECONDS"] = "0"
            platform_tls["AUTHSERVER_CA_FILE"] = str(self.certificate.authority)
        self._write_env(
            "platform",
            SECRET_KEY=secrets.token_urlsafe(48),
            COUNTERSIGN_KEK=_new_kek(),
            COUNTERSIGN_ORIGIN=self.origin,
            DATABASE_URL=self.database_url or f"sqlite:///{self.folder / 'platform.sqlite3'}",
            COUNTERSIGN_ROOT_KEY_FILE=str(self.folder / "platform-root.key"),
            EMAIL_FILE_PATH=str(self.folder / "mail"),
            RESOURCE_STORE=str(self.folder / "resources"),
            PACKAGE_STORE=str(self.folder / "packages"),
            SMS_URL=f"file://{(self.folder / 'sms').resolve()}",
            SMS_INBOUND_SECRETS="whsec_" + base64.b64encode(secrets.token_bytes(32)).decode(),
            **platform_tls,
        )
        self._write_env(
            "authserver",
            AUTHSERVER_SECRET_KEY=secrets.token_urlsafe(48),
            AUTHSERVER_KEK_FILE=str(self._write_kek()),
            AUTHSERVER_ORIGIN=self.authserver_origin,
            AUTHSERVER_ROOT_KEY_FILE=str(self.folder / "authserver-root.key"),
            AUTHSERVER_DATABASE_URL=self.authserver_database_url
            or f"sqlite:///{self.folder / 'authserver.sqlite3'}",
            **authserver_tls,
        )

    def _write_kek(self) -> Path:
        # In a file, so that it can be rotated while the host serves.
        path = self.folder / "authserver.kek"
        # A folder of before has its key in its settings.
        if not path.exists() and not (self.folder / "authserver.env").exists():
            path.touch(mode=0o600)
            path.write_text(_new_kek() + "\n", "ascii")
        return path

    def _write_env(self, service: str, **values: str) -> None:
        path = self.folder / f"{service}.env"
        if not path.exists():
            lines = (f"{name}={value}\n" for name, value in values.items())
            unfinished = path.with_suffix(".new")
            unfinished.touch(mode=0o600)
            unfinished.write_text("".join(lines), "utf-8")
            unfinished.rename(path)
        name = "COUNTERSIGN_ORIGIN" if service == "platform" else "AUTHSERVER_ORIGIN"
        origin = self.environment(service)[name]
        # An origin stands in signed statements and in tokens: it cannot change underneath them.
        if origin != values[name]:
            raise RuntimeError(
                f"{self.folder} was set up for {origin}, not {values[name]}: use that port, or "
                f"remove the folder to begin anew"
            )


def _unchecked(arguments: Sequence[str]) -> list[str]:
    """Return a command that checks no settings, if it can be told so."""
    skipped = () if arguments[0] in _CANNOT_SKIP_CHECKS else ("--skip-checks",)
    return [*arguments, *skipped]


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def _new_kek() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()
