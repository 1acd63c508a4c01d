"""Billing authentication on the live services: one test for each row of the flow's table."""

import hashlib
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from countersign.terminals import Terminal
from protocol.billing import ALLOWED, BillingVerdict
from protocol.content import Release
from protocol.ed25519 import SigningKey
from protocol.jwk import from_base64, thumbprint, to_base64
from terminal.errors import OperationProhibited, TerminalError
from terminal.home import Home
from terminal.resource import BillingRequest, ResourceInterface
from tests.e2e.leaks import columns, conversations, files, find_seeds
from tests.e2e.live import LOOPBACK, Live
from tests.e2e.shop import CONTENT, Device, Listening, Market, utc_now
from tests.terminal.unconnected import UnconnectedClient

pytestmark = pytest.mark.allow_hosts(LOOPBACK)


@pytest.fixture(scope="module")
def market(on_sqlite: Live, tmp_path_factory: pytest.TempPathFactory) -> Market:
    market = Market(on_sqlite, tmp_path_factory.mktemp("market"))
    market.sell()
    return market


@pytest.fixture(scope="module")
def other(market: Market, tmp_path_factory: pytest.TempPathFactory) -> Market:
    """Something else that Dana sells, and nobody has paid for."""
    return market.beside(tmp_path_factory.mktemp("other"), "picture")


def refusal(interface: ResourceInterface) -> OperationProhibited:
    with pytest.raises(OperationProhibited) as refused, interface.operate():
        raise AssertionError("it was opened")
    return refused.value


def test_the_resource_sends_its_request_automatically_on_operation(market: Market) -> None:
    manager = Listening()
    interface = market.anna.interface(market.file, manager)
    refusal(interface)
    (request,) = manager.asked
    assert request.resource.hex() == market.resource["id"]
    assert request.resource_key == thumbprint(interface.key.public)


def test_the_manager_extracts_identity_and_resource_information_automatically(
    market: Market,
) -> None:
    file = market.file
    device = market.anna
    device.use(file)
    sent = market.request_to("/billing/authorize")
    assert sent["identity"] == {"account": device.party.account}
    assert sent["resource_id"] == market.resource["id"]
    assert sent["resource_version"] == 1
    (actor, subject), *_ = market.audited("billing.authorized")
    assert device.home.pins().device in actor
    assert subject == market.resource["id"]


@pytest.mark.parametrize(
    ("who", "which", "code"),
    [
        ("anna", "market", None),
        ("anna", "other", "not_paid"),
        ("ben", "market", "not_paid"),
        ("ben", "other", "not_paid"),
    ],
)
def test_the_server_judges_by_user_and_resource_who_has_paid(
    market: Market, other: Market, who: str, which: str, code: str | None
) -> None:
    device: Device = getattr(market, who)
    file = {"market": market, "other": other}[which].file
    if code is None:
        assert device.use(file) == CONTENT
    else:
        assert refusal(device.interface(file)).code == code


def test_who_has_paid_gets_a_status_code_via_the_terminal_to_the_resource(
    market: Market,
) -> None:
    manager = Listening(market.anna.manager)
    with market.anna.interface(market.file, manager).operate() as opened:
        assert b"".join(opened.content) == CONTENT
    (code,) = manager.codes
    assert len(code) == 26
    # The manager itself keeps nothing of what it passed on.
    assert code not in repr(vars(manager.true))
    kept = b"".join(path.read_bytes() for path in market.anna.home.folder.iterdir())
    assert code.encode() not in kept


def test_who_has_not_paid_gets_failure_information(market: Market) -> None:
    refused = refusal(market.ben.interface(market.file))
    assert refused.code == "not_paid"
    assert (refused.members["price"], refused.members["currency"]) == (499, "EUR")
    assert refused.members["order_url"] == f"{market.live.origin}/shop/{market.resource['id']}"


def test_the_resource_sends_the_code_to_the_server_for_verification(market: Market) -> None:
    interface = market.anna.interface(market.file)
    with interface.operate():
        pass
    (actor, _), *_ = market.audited("billing.verified")
    assert actor == f"key:{thumbprint(interface.key.public).hex()[:32]}"
    assert actor != market.audited("billing.authorized")[0][0]


def test_a_pass_lets_the_user_operate_and_a_failure_prohibits_it(market: Market) -> None:
    assert market.anna.use(market.file) == CONTENT
    forged = Listening(code="A" * 26)
    assert refusal(market.anna.interface(market.file, forged)).code == "status_code_invalid"


def test_a_copied_resource_is_useless(market: Market) -> None:
    copy = Path(shutil.copy(market.file, market.folder / "copy.csres"))
    assert refusal(market.ben.interface(copy)).code == "not_paid"
    # Nor does a code help that was given to who has paid: it is bound to her device and copy.
    lent = Listening(market.anna.manager)
    assert refusal(market.ben.interface(copy, lent)).code == "status_code_invalid"
    assert [len(code) for code in lent.codes] == [26]


def test_a_fake_client_is_defeated(market: Market) -> None:
    for code in ("allowed", "", "A" * 26):
        fake = Listening(code=code)
        assert refusal(market.ben.interface(market.file, fake)).code == "status_code_invalid"
    # Nor does it help to have a server of one's own that says yes.
    for key in (SigningKey.generate(), market.anna.home.keys().signing):
        server = FakeServer(market.anna.home, key)
        assert refusal(market.anna.interface(market.file, client=server)).code == "signer_unknown"


class FakeServer(UnconnectedClient):
    """Allows whatever it is asked, by a verdict that it signs itself."""

    def __init__(self, home: Home, signer: SigningKey) -> None:
        super().__init__(home.pins().origin)
        self.home = home
        self.signer = signer

    def reply(
        self, path: str, body: dict[str, Any], key: bytes, headers: dict[str, str]
    ) -> dict[str, Any]:
        resource, rnonce = (bytes.fromhex(body[name]) for name in ("resource_id", "rnonce"))
        device, version = from_base64(body["device"]), body["resource_version"]
        release = Release(resource, version, device, rnonce)
        sealed = release.seal(bytes(32), self.home.keys().box_key)
        digest, now = hashlib.sha256(sealed).digest(), int(time.time())
        asked = (resource, version, body["operation"], rnonce, device)
        verdict = BillingVerdict(ALLOWED, *asked, digest, now, now + 60).sign(self.signer)
        return {"verdict": to_base64(verdict), "content_key": to_base64(sealed)}


class Patched(ResourceInterface):
    """Its checks are taken out: it opens whatever is answered, with whatever key it can get."""

    def _verify(self, code: str, request: BillingRequest) -> Mapping[str, Any]:
        try:
            return super()._verify(code, request)
        except TerminalError as error:
            return error.members

    def _check(self, answer: Mapping[str, Any], request: BillingRequest) -> bytes:
        return from_base64(answer.get("content_key") or answer["verdict"])


def test_a_resource_whose_checks_are_patched_out_yields_no_plaintext(market: Market) -> None:
    trust = market.ben.home.trust()
    patched = Patched(market.file, trust=trust, manager=Listening(), clock=utc_now)
    assert refusal(patched).code == "content_invalid"


@pytest.mark.parametrize("kind", ["app", "picture", "music", "theme", "video"])
def test_every_type_of_resource_is_operated(market: Market, tmp_path: Path, kind: str) -> None:
    other = market.beside(tmp_path, kind)
    other.sell()
    assert other.anna.use(other.file) == CONTENT


def test_no_database_file_or_log_holds_a_status_code_a_content_key_or_the_content(
    market: Market,
) -> None:
    manager = Listening(market.anna.manager)
    with market.anna.interface(market.file, manager).operate():
        pass
    secrets = [*(code.encode() for code in manager.codes), *manager.keys, CONTENT[:100]]
    assert len(secrets) == 3
    live = market.live
    assert find_seeds(secrets, [*columns(live, "platform"), *files(live)]) == []
    # The search sees them: a code goes over the wire, and what is public is found.
    assert find_seeds(secrets[:1], conversations(live)) == ["HTTP to the platform"]


def test_terminal_and_server_run_apart(market: Market, tmp_path: Path) -> None:
    terminal = Terminal(market.anna.party.person, market.anna.home.folder)
    output = tmp_path / "content"
    with terminal.managed():
        terminal.run("resource", "play", market.file, "--output", output)
    assert output.read_bytes() == CONTENT
    line = terminal.refusal("resource", "play", market.file)
    assert line.startswith("manager_not_running: ")
