"""A token of SoftHSM 2 for tests, in a folder of its own."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

TOKEN, PIN = "countersign-tests", "482916"


@dataclass(frozen=True)
class SoftHSM:
    """A token of SoftHSM.

    Attributes:
        module: Path of its PKCS #11 module.
        configuration: What SOFTHSM2_CONF must name in every process that uses it.
    """

    module: Path
    configuration: Path

    def environment(self, pin_file: Path, *, label: str) -> dict[str, str]:
        """Return the settings of a host that has its keys here."""
        pin_file.write_text(PIN + "\n")
        return {
            "SOFTHSM2_CONF": str(self.configuration),
            "AUTHSERVER_KEK_PROVIDER": "pkcs11",
            "AUTHSERVER_PKCS11_MODULE": str(self.module),
            "AUTHSERVER_PKCS11_TOKEN": TOKEN,
            "AUTHSERVER_PKCS11_KEY": label,
            "AUTHSERVER_PKCS11_PIN_FILE": str(pin_file),
        }


@contextmanager
def new_token(folder: Path) -> Iterator[SoftHSM]:
    """Make a token, and leave the module uninitialised at the end; skip where there is none."""
    pkcs11 = pytest.importorskip("pkcs11", reason="python-pkcs11 (requirements-hsm.txt)")
    modules = sorted(Path("/usr/lib").glob("**/softhsm/libsofthsm2.so"))
    program = shutil.which("softhsm2-util")
    if not modules or program is None:
        pytest.skip("SoftHSM is not installed (apt install softhsm2)")
    (folder / "tokens").mkdir()
    configuration = folder / "softhsm2.conf"
    configuration.write_text(f"directories.tokendir = {folder / 'tokens'}\nlog.level = ERROR\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOFTHSM2_CONF", str(configuration))
        labels = ["--label", TOKEN, "--pin", PIN, "--so-pin", "58392714"]
        subprocess.run(
            [program, "--init-token", "--free", *labels], check=True, capture_output=True
        )
        yield SoftHSM(modules[0], configuration)
        pkcs11.unload(str(modules[0]))
