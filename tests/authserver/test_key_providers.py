"""Where key-encryption keys are: a file, the environment, an HSM; and what goes wrong there."""

import base64
import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.checks import run_checks
from pytest_django import Settings

from authserver import keyproviders
from authserver.errors import KeyProviderError
from tests.authserver.softhsm import PIN, SoftHSM, new_token
from tests.authserver.world import new_key

ROOT = Path(__file__).parents[2]
SECRET = bytes(range(32))
ID, OTHER_ID = uuid.UUID(int=1), uuid.UUID(int=2)


@pytest.fixture(autouse=True)
def fresh_providers() -> Iterator[None]:
    """Begin without what providers remember, such as a refused PIN."""
    keyproviders._provider.cache_clear()
    yield
    keyproviders._provider.cache_clear()


@pytest.fixture(scope="module")
def softhsm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SoftHSM]:
    with new_token(tmp_path_factory.mktemp("hsm")) as softhsm:
        yield softhsm


@pytest.fixture
def hsm(
    softhsm: SoftHSM, tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> SoftHSM:
    """The settings of a host with its key in an HSM."""
    monkeypatch.setattr("authserver.keyproviders.hsm._PAUSES", (0.0,))
    for name, value in softhsm.environment(tmp_path / "pin", label=tmp_path.name).items():
        if name.startswith("AUTHSERVER_") and not name.endswith("_FILE"):
            setattr(settings, name, value)
    settings.AUTHSERVER_PKCS11_PIN = PIN
    return softhsm


@pytest.fixture(params=["kek_file", "hsm"])
def provider(request: pytest.FixtureRequest) -> None:
    """Both providers, one after the other."""
    request.getfixturevalue(request.param)


@pytest.mark.usefixtures("provider")
def test_what_a_key_wraps_it_unwraps() -> None:
    kek = keyproviders.fresh_kek([])
    wrapped = keyproviders.wrap(kek, SECRET, ID)
    assert keyproviders.unwrap(kek, wrapped, ID) == SECRET
    assert SECRET not in wrapped
    assert keyproviders.wrap(kek, SECRET, ID) != wrapped


@pytest.mark.usefixtures("provider")
def test_a_wrapped_key_opens_for_no_other_row_and_not_altered() -> None:
    kek = keyproviders.fresh_kek([])
    wrapped = keyproviders.wrap(kek, SECRET, ID)
    for altered, key_id in [(wrapped, OTHER_ID), (wrapped[:-1] + b"\x00", ID), (b"", ID)]:
        with pytest.raises(KeyProviderError):
            keyproviders.unwrap(kek, altered, key_id)


@pytest.mark.usefixtures("provider")
def test_a_key_in_use_is_never_fresh_and_both_open() -> None:
    first = keyproviders.fresh_kek([])
    wrapped = keyproviders.wrap(first, SECRET, ID)
    second = keyproviders.fresh_kek([first])
    assert second != first
    assert keyproviders.unwrap(second, keyproviders.wrap(second, SECRET, ID), ID) == SECRET
    assert keyproviders.unwrap(first, wrapped, ID) == SECRET


@pytest.mark.usefixtures("provider")
def test_a_dropped_key_opens_nothing_and_may_be_dropped_again() -> None:
    first = keyproviders.fresh_kek([])
    wrapped = keyproviders.wrap(first, SECRET, ID)
    keyproviders.fresh_kek([first])
    assert keyproviders.drop(first) == ""
    assert keyproviders.drop(first) == ""
    with pytest.raises(KeyProviderError, match=r"missing|no longer"):
        keyproviders.unwrap(first, wrapped, ID)


def test_a_new_key_stands_in_front_in_the_file_which_keeps_its_mode(kek_file: Path) -> None:
    (before,) = kek_file.read_text().split()
    keyproviders.fresh_kek([keyproviders.fresh_kek([])])
    assert kek_file.read_text().split()[1:] == [before]
    assert kek_file.stat().st_mode & 0o777 == 0o640


def test_a_key_put_into_the_file_by_hand_is_the_fresh_one_without_a_restart(
    kek_file: Path,
) -> None:
    first = keyproviders.fresh_kek([])
    kek_file.write_text(f"{new_key()}\n{kek_file.read_text()}")
    by_hand = keyproviders.fresh_kek([first])
    assert by_hand != first
    assert len(kek_file.read_text().split()) == 2


def test_the_name_of_a_key_gives_nothing_of_it_away(kek_file: Path) -> None:
    key = base64.b64decode(kek_file.read_text())
    name = keyproviders.fresh_kek([]).removeprefix("file:")
    assert bytes.fromhex(name) not in key


def test_the_environment_cannot_be_given_a_new_key(settings: Settings) -> None:
    with pytest.raises(KeyProviderError, match="AUTHSERVER_KEK_FILE"):
        keyproviders.fresh_kek([keyproviders.fresh_kek([])])
    first = keyproviders.fresh_kek([])
    settings.AUTHSERVER_KEK = f"{new_key()} {settings.AUTHSERVER_KEK}"
    assert keyproviders.fresh_kek([first]) != first
    assert "Take the old key out of AUTHSERVER_KEK" in keyproviders.drop(first)


def test_a_file_that_cannot_be_written_says_what_to_do(
    kek_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = keyproviders.fresh_kek([])

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("authserver.keyproviders.environment.replace_file", refuse)
    with pytest.raises(KeyProviderError, match="openssl rand -base64 32"):
        keyproviders.fresh_kek([first])
    assert str(kek_file) in keyproviders.drop(first)


@pytest.mark.parametrize("content", [b"", b"short", b"\xff\xfe", b"AAAA\n" * 2])
def test_a_file_without_a_key_is_refused_and_not_quoted(kek_file: Path, content: bytes) -> None:
    kek_file.write_bytes(content)
    with pytest.raises(KeyProviderError) as refusal:
        keyproviders.fresh_kek([])
    assert "AAAA" not in str(refusal.value)
    assert "short" not in str(refusal.value)
    assert ids() == ["authserver.E002"]


def test_a_file_that_is_missing_is_named(kek_file: Path) -> None:
    kek_file.unlink()
    with pytest.raises(KeyProviderError, match=r"kek cannot be read\."):
        keyproviders.fresh_kek([])


def test_a_key_never_leaves_the_hsm(hsm: SoftHSM, settings: Settings) -> None:
    import pkcs11

    keyproviders.fresh_kek([])
    token = pkcs11.lib(str(hsm.module)).get_token(token_label=settings.AUTHSERVER_PKCS11_TOKEN)
    with token.open(user_pin=PIN) as session:
        (key,) = session.get_objects({pkcs11.Attribute.LABEL: settings.AUTHSERVER_PKCS11_KEY})
        assert key[pkcs11.Attribute.EXTRACTABLE] is False
        assert key[pkcs11.Attribute.SENSITIVE] is True
        with pytest.raises(pkcs11.AttributeSensitive):
            key[pkcs11.Attribute.VALUE]


@pytest.mark.usefixtures("hsm")
def test_a_refused_pin_is_not_tried_again(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    from authserver.keyproviders.hsm import HSMProvider

    settings.AUTHSERVER_PKCS11_PIN = "000000"
    with pytest.raises(KeyProviderError, match="refuses AUTHSERVER_PKCS11_PIN") as refusal:
        keyproviders.fresh_kek([])
    assert "000000" not in str(refusal.value)
    with monkeypatch.context() as patch:
        patch.setattr(HSMProvider, "_try", lambda *_, rw: pytest.fail("the HSM was asked again"))
        with pytest.raises(KeyProviderError, match="refused AUTHSERVER_PKCS11_PIN before"):
            keyproviders.fresh_kek([])
    settings.AUTHSERVER_PKCS11_PIN = PIN
    assert keyproviders.fresh_kek([])


def test_an_hsm_that_was_away_for_a_moment_is_found_again(
    hsm: SoftHSM, monkeypatch: pytest.MonkeyPatch
) -> None:
    import pkcs11

    from authserver.keyproviders.hsm import HSMProvider

    kek = keyproviders.fresh_kek([])
    wrapped = keyproviders.wrap(kek, SECRET, ID)
    ask, opened_by = HSMProvider._try, []

    def ask_in_vain_at_first(self: HSMProvider, work: Any, pin: str, *, rw: bool) -> Any:
        opened_by.append(self._opened_by)
        if len(opened_by) == 1:
            raise pkcs11.DeviceRemoved
        return ask(self, work, pin, rw=rw)

    monkeypatch.setattr(HSMProvider, "_try", ask_in_vain_at_first)
    assert keyproviders.unwrap(kek, wrapped, ID) == SECRET
    # The module was to be opened anew in between.
    assert opened_by[0] == os.getpid() != opened_by[1]


@pytest.mark.usefixtures("hsm")
@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("AUTHSERVER_PKCS11_MODULE", "/nowhere.so", "cannot open shared object file"),
        ("AUTHSERVER_PKCS11_TOKEN", "other", "no token labelled other"),
        ("AUTHSERVER_PKCS11_KEY", "other", "no longer the key labelled other"),
        ("AUTHSERVER_PKCS11_PIN", "", "needs AUTHSERVER_PKCS11_PIN"),
    ],
)
def test_what_is_missing_at_the_hsm_is_named(
    settings: Settings, name: str, value: str, sentence: str
) -> None:
    kek = keyproviders.fresh_kek([])
    setattr(settings, name, value)
    with pytest.raises(KeyProviderError, match=sentence):
        keyproviders.unwrap(kek, bytes(60), ID)


def test_a_missing_package_is_named(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pkcs11", None)
    monkeypatch.delitem(sys.modules, "authserver.keyproviders.hsm", raising=False)
    settings.AUTHSERVER_KEK_PROVIDER = "pkcs11"
    with pytest.raises(KeyProviderError, match=r"pip install -r requirements-hsm\.txt"):
        keyproviders.fresh_kek([])
    assert ids() == ["authserver.E002"]


@pytest.mark.parametrize("name", ["pkcs11", "vault"])
def test_a_provider_without_its_settings_stops_every_command(
    settings: Settings, name: str
) -> None:
    settings.AUTHSERVER_KEK_PROVIDER = name
    assert ids() == ["authserver.E002"]


CHILD = """
import os, sys, uuid, django
django.setup()
from authserver import keyproviders
key_id = uuid.UUID(int=1)
kek = keyproviders.fresh_kek([])
wrapped = keyproviders.wrap(kek, b"secret", key_id)
HELD
child = os.fork()
if not child:
    os._exit(keyproviders.unwrap(kek, wrapped, key_id) != b"secret")
failed = os.waitpid(child, 0)[1]
sys.exit(failed or keyproviders.unwrap(kek, wrapped, key_id) != b"secret")
"""
# As when a thread of the parent was in the middle of a call when the process forked.
IN_A_CALL = """
from authserver.keyproviders.hsm import HSMProvider
provider = keyproviders._provider("pkcs11")
provider._lock.acquire()
os.register_at_fork(after_in_parent=provider._lock.release)
"""


@pytest.mark.parametrize("held", ["", IN_A_CALL], ids=["idle", "in_a_call"])
def test_a_process_made_by_a_fork_opens_the_module_itself(
    softhsm: SoftHSM, tmp_path: Path, held: str
) -> None:
    environment = softhsm.environment(tmp_path / "pin", label=tmp_path.name)
    done = subprocess.run(
        [sys.executable, "-c", CHILD.replace("HELD", held)],
        cwd=ROOT,
        env=os.environ | environment | {"DJANGO_SETTINGS_MODULE": "authserver.settings"},
        check=False,
        timeout=600,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")


def ids() -> list[str | None]:
    return [message.id for message in run_checks() if not message.is_silenced()]


def test_nothing_shows_a_key_or_a_pin(kek_file: Path, hsm: SoftHSM, settings: Settings) -> None:
    told: list[str] = []

    def tell(call: Callable[[], object]) -> None:
        try:
            call()
        except KeyProviderError as error:
            told.extend([str(error), repr(error), repr(error.__cause__)])

    settings.AUTHSERVER_KEK_PROVIDER = "file"
    kek = kek_file.read_text().strip()
    tell(lambda: keyproviders.unwrap("file:00", b"", ID))
    kek_file.write_text(kek[:-4])
    tell(lambda: keyproviders.fresh_kek([]))
    settings.AUTHSERVER_KEK_PROVIDER = "pkcs11"
    settings.AUTHSERVER_PKCS11_PIN = "713355"
    tell(lambda: keyproviders.fresh_kek([]))
    assert len(told) == 9
    assert not any(secret in line for line in told for secret in (kek[:-4], "713355"))
