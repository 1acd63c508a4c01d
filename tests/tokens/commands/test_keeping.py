"""list, update-keys and remove; and the passphrase of the file."""

import json
from collections.abc import Callable
from getpass import GetPassWarning
from pathlib import Path

import pytest

from protocol import qrtext
from protocol.ed25519 import SigningKey
from protocol.keys import Purpose
from protocol.qrtext import Link
from tests.tokens.commands.terminal import PASSPHRASE, load, refuse, run, save, save_all, succeed
from tests.tokens.service import Service, serving
from tests.tokens.world import DEFAULT_SUITE, SECONDS, FakeHost, FakePlatform, certificate
from tokens.simulator import SimulatedToken
from tokens.store import Contents
from tokens.suites import parse_suite
from tokens.token import Token

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])


def test_list_shows_each_token_on_a_line_without_its_secrets(
    token: SimulatedToken, host: FakeHost
) -> None:
    out = succeed("list")
    assert out.split() == [
        "T-0001",
        token.vk.hex(),
        DEFAULT_SUITE,
        "cs-demo",
        token.platform_origin,
        host.origin,
    ]


def test_cards_are_listed_too(token: SimulatedToken, file: Path) -> None:
    card = Token(serial="CARD", suite=parse_suite("HOTP:SHA1-6"), seed=b"seed of a card")
    save_all(file, Contents((token,), cards=(card,)))
    assert succeed("list").splitlines()[1].split() == ["CARD", "-", "HOTP:SHA1-6"]
    described = {"serial": "CARD", "suite": "HOTP:SHA1-6", "sight": 0}
    assert json.loads(succeed("list", "--json"))[1] == described
    succeed("remove", "CARD", "--yes")
    assert load(file) == Contents((token,))


def test_list_as_json(token: SimulatedToken) -> None:
    assert json.loads(succeed("list", "--json"))[0]["serial"] == "T-0001"


def test_list_without_a_file_says_so() -> None:
    result = run("list")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "no tokens yet" in result.stderr


def test_a_wrong_passphrase_is_refused(
    token: SimulatedToken, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COUNTERSIGN_TOKEN_PASSPHRASE", "wrong")
    assert refuse("list") == "passphrase_wrong"


def test_the_passphrase_is_asked_for(
    token: SimulatedToken, type_passphrases: Callable[..., None]
) -> None:
    type_passphrases(PASSPHRASE)
    assert succeed("list").startswith("T-0001")


def test_a_new_passphrase_is_asked_for_twice(
    enrolling: FakeHost, file: Path, type_passphrases: Callable[..., None]
) -> None:
    type_passphrases(PASSPHRASE, PASSPHRASE)
    succeed("enrol", enrolling.invitation.to_link())
    assert len(load(file).tokens) == 1


def test_a_mistyped_new_passphrase_makes_no_file(
    enrolling: FakeHost, file: Path, type_passphrases: Callable[..., None]
) -> None:
    type_passphrases(PASSPHRASE, "mistyped")
    assert refuse("enrol", enrolling.invitation.to_link()) == "passphrase_mismatch"
    assert not file.exists()


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        pytest.param("", "passphrase_missing", id="empty"),
        pytest.param(GetPassWarning, "passphrase_missing", id="no terminal to hide it on"),
        pytest.param(EOFError, "aborted", id="end of input"),
        pytest.param(KeyboardInterrupt, "aborted", id="interrupted"),
    ],
)
def test_without_a_passphrase_nothing_is_done(
    token: SimulatedToken,
    type_passphrases: Callable[..., None],
    typed: str | type[BaseException],
    code: str,
) -> None:
    type_passphrases(typed)
    assert refuse("list") == code


def test_the_file_may_lie_elsewhere(token: SimulatedToken, file: Path, tmp_path: Path) -> None:
    elsewhere = file.rename(tmp_path / "elsewhere")
    assert succeed("list") == ""
    assert succeed("list", "--file", elsewhere).startswith("T-0001")


def test_a_home_that_nobody_has_is_refused() -> None:
    assert refuse("list", "--file", "~no-such-user/tokens.bin") == "token_file_unusable"


def test_update_keys_fetches_the_directory_of_every_token(
    service: Service, platform: FakePlatform, token: SimulatedToken, file: Path
) -> None:
    save(file, token, FakeHost(platform, serial="T-0002").enrol())
    service.answer(platform.directory())
    assert succeed("update-keys").splitlines() == [
        f"updated  {serial}  {service.origin}" for serial in ("T-0001", "T-0002")
    ]
    assert [known.edition.issued for known in load(file).tokens] == [SECONDS, SECONDS]


def test_a_platform_that_is_gone_keeps_no_other_token_from_its_keys(
    service: Service, platform: FakePlatform, token: SimulatedToken, file: Path
) -> None:
    with serving() as gone:
        lost = FakeHost(FakePlatform(gone.origin), serial="T-0000").enrol()
    save(file, lost, token)
    service.answer(platform.directory())
    result = run("update-keys")
    assert result.exit_code == 1
    assert result.stderr.startswith("server_unavailable: ")
    assert result.stderr.endswith("(T-0000)\n")
    assert result.stdout == f"updated  T-0001  {service.origin}\n"


def test_keys_under_another_root_are_refused(
    service: Service, token: SimulatedToken, file: Path
) -> None:
    service.answer(FakePlatform().directory())
    assert refuse("update-keys") == "signature_invalid"
    assert load(file).tokens == (token,)


def test_update_keys_takes_a_key_from_its_code_without_a_network(
    platform: FakePlatform, token: SimulatedToken, file: Path
) -> None:
    other = FakeHost(FakePlatform("https://other.example"), serial="T-0002").enrol()
    save(file, token, other)
    message = certificate(
        SigningKey.generate(), platform.root, Purpose.STATEMENT, platform.info.id
    )
    code = qrtext.encode(platform.info.origin, Link.KEY, message)
    assert succeed("update-keys", code) == f"updated  T-0001  {platform.info.origin}\n"
    assert {known.serial: known.certificates for known in load(file).tokens} == {
        "T-0001": (*token.certificates, message),
        "T-0002": other.certificates,
    }


def test_a_key_s_code_of_a_platform_without_a_token_here_is_refused(
    platform: FakePlatform, token: SimulatedToken, file: Path
) -> None:
    message = platform.statement_certificate
    strange = qrtext.encode("https://strange.example", Link.KEY, message)
    assert refuse("update-keys", strange) == "wrong_platform"
    challenge = platform.challenge(platform.statement(token))
    assert refuse("update-keys", challenge) == "not_ours"
    assert load(file).tokens == (token,)


def test_remove_asks_and_forgets_the_token(token: SimulatedToken, file: Path) -> None:
    assert refuse("remove", "T-0001", typed="n\n") == "aborted"
    assert load(file).tokens == (token,)
    assert succeed("remove", "T-0001", typed="y\n") == "removed  T-0001\n"
    assert load(file).tokens == ()


def test_remove_for_scripts_does_not_ask(token: SimulatedToken, file: Path) -> None:
    succeed("remove", token.vk.hex(), "--yes")
    assert load(file).tokens == ()


def test_remove_refuses_an_unknown_token() -> None:
    assert refuse("remove", "T-0001", "--yes") == "token_unknown"
