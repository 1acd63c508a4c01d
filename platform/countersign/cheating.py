"""What somebody does to a program who would be paid in its place, or not pay: for demos."""

from pathlib import Path
from tempfile import TemporaryDirectory

from protocol.ed25519 import SigningKey
from protocol.measuring import installed_files, measure
from protocol.package import Manifest
from protocol.package_file import PackageFile, with_store, write_package

_LIE = """

def _lie(self):
    self._core.compare()
    self._found = Comparisons(key_matches=True, files_match=True)
    return self._found


Security.start = _lie
"""

_LYING_RELAY = '''"""A device that passes on ten times the price: argument 1 says to whom."""

import sys
from dataclasses import replace

from protocol import cose
from protocol.ed25519 import SigningKey
from protocol.jwk import from_base64, to_base64
from protocol.offline import Application, ToBeSigned
from terminal.cli import app
from terminal.offline.relay import Relay

NAME = sys.argv.pop(1)
KIND = {"application": Application, "tbs": ToBeSigned}[NAME]
honest = Relay._ask


def dearer(parts):
    if NAME not in parts:
        return parts
    said = KIND.from_signed(cose.parse(from_base64(parts[NAME])))
    price = replace(said.money, amount=said.money.amount * 10)
    lie = replace(said, money=price).sign(SigningKey.generate())
    return {**parts, NAME: to_base64(lie)}


Relay._ask = lambda self, path, body: dearer(honest(self, path, dearer(body)))
app(prog_name="lying relay")
'''


def resign(package: Path, key: SigningKey) -> Path:
    """Sign somebody's package anew with a key of one's own; return the file beside it.

    What comes out is a package in order: its signature fits its files and the key in it.
    """
    target = package.with_name(f"{package.stem}-resigned.cspkg")
    with TemporaryDirectory() as place, package.open("rb") as source:
        packed = PackageFile(source)
        packed.extract(Path(place))
        files = installed_files(Path(place))
        told = packed.manifest()
        signature = Manifest(told.package, told.build, measure(files)).sign(key)
        with Path(place, "common").open("w+b") as common:
            write_package(common, signature=signature, first_key=key.public, files=files)
            _, pieces = with_store(common, packed.store)
            target.write_bytes(b"".join(pieces))
    return target


def teach_to_lie(files: Path) -> None:
    """Change the SDK of an unpacked package so that it finds nothing wrong, whatever it sees."""
    layer = files / "sdk" / "security" / "interface.py"
    layer.write_text(layer.read_text("utf-8") + _LIE, "utf-8")


def lying_relay(folder: Path) -> Path:
    """Write the program of a device that changes what it passes on; return it.

    Its first argument names what: ``application``, to the platform, or ``tbs``, to the client.
    """
    program = folder / "lying_relay.py"
    program.write_text(_LYING_RELAY, "utf-8")
    return program
