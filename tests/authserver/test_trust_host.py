"""python -m authserver trust_host: which hosts servers may move to and come from."""

from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from authserver.models import TrustedHost
from protocol.ed25519 import SigningKey
from tests.authserver.world import LocalHost

ROOT = SigningKey.generate().public
ORIGIN = "https://there.example"


def trust(*arguments: str) -> None:
    call_command("trust_host", *arguments)


@pytest.mark.parametrize("as_file", [False, True])
def test_a_root_is_pinned_and_listed(
    host: LocalHost, tmp_path: Path, capsys: pytest.CaptureFixture[str], *, as_file: bool
) -> None:
    root = ROOT.hex()
    if as_file:
        (tmp_path / "root").write_text(root + "\n")
        root = str(tmp_path / "root")
    trust(f"{ORIGIN}/", "--root", root)
    assert TrustedHost.objects.get(origin=ORIGIN).root == ROOT
    capsys.readouterr()
    call_command("keys")
    assert capsys.readouterr().out.splitlines()[-1].endswith(f"  {ORIGIN}")


def test_a_host_gets_another_root_by_saying_so_again(host: LocalHost) -> None:
    trust(ORIGIN, "--root", ROOT.hex())
    other = SigningKey.generate().public
    trust(ORIGIN, "--root", other.hex())
    assert TrustedHost.objects.get().root == other


def test_trust_is_taken_back(host: LocalHost) -> None:
    trust(ORIGIN, "--root", ROOT.hex())
    trust(ORIGIN, "--remove")
    assert not TrustedHost.objects.exists()
    with pytest.raises(CommandError, match="do not trust each other"):
        trust(ORIGIN, "--remove")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((ORIGIN,), "--root is needed"),
        ((ORIGIN, "--root", "xyz"), "neither hex digits nor a file"),
        ((ORIGIN, "--root", "00" * 32), "not a usable public key"),
        ((ORIGIN, "--root", "00" * 31), "not a usable public key"),
        (("there", "--root", ROOT.hex()), "must be like https"),
        (("http://localhost:8001", "--root", ROOT.hex()), "this host itself"),
    ],
)
def test_what_cannot_be_trusted_is_refused(
    host: LocalHost, arguments: tuple[str, ...], message: str
) -> None:
    with pytest.raises(CommandError, match=message):
        trust(*arguments)
    assert not TrustedHost.objects.exists()
