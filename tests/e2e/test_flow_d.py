"""Application billing on the live services: one test for each row of the flow's table."""

import ast
import hashlib
import importlib
import time
from collections.abc import Callable
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import urllib3

from countersign.cheating import resign, teach_to_lie
from countersign.sms_centre import sms_to
from countersign.stage import Stage, fill_wallet
from protocol import cbor, cose, hpke
from protocol.application import Channel, seal
from protocol.charge import Charge
from protocol.ed25519 import SigningKey
from protocol.jwk import from_base64, to_base64
from protocol.package_file import PackageFile
from terminal.application.process import Installed, load_sdk
from terminal.application.receive import fetch_captcha, fetch_nonces, read_package
from terminal.errors import TerminalError
from tests.e2e.applications import (
    CASTLE,
    MAP,
    POTION,
    SHIELD,
    SWORD,
    Application,
    Buyer,
    Operators,
)
from tests.e2e.installs import billed, change, found, fresh, started, without_network
from tests.e2e.leaks import find_seeds
from tests.e2e.live import LOOPBACK, Live
from tests.e2e.party import Party
from tests.e2e.phones import Handset

pytestmark = pytest.mark.allow_hosts(LOOPBACK)

BOOLEANS = list(product((True, False), repeat=2))
REFUSED = "integrity_refused"
WAITS = "awaiting_paypass"


@pytest.fixture(scope="module")
def dana(on_sqlite: Live) -> Party:
    return on_sqlite.party("Dana Games")


@pytest.fixture(scope="module")
def game(on_sqlite: Live, dana: Party, tmp_path_factory: pytest.TempPathFactory) -> Application:
    return Application.build(on_sqlite, dana, tmp_path_factory.mktemp("game"), "Dungeon")


@pytest.fixture(scope="module")
def anna(on_sqlite: Live) -> Party:
    party = Party.sign_up(on_sqlite.origin, on_sqlite.folder / "mail", "Anna Player")
    fill_wallet(party.person, 20_000)
    return party


@pytest.fixture(scope="module")
def buyer(game: Application, anna: Party) -> Buyer:
    """Anna's phone A: no rule is about it, so its level is HIGH."""
    return Buyer.of(game, anna)


@pytest.fixture(scope="module")
def other(game: Application, anna: Party) -> Buyer:
    """Her phone B, whose level is to be LOW."""
    return Buyer.of(game, anna)


@pytest.fixture(scope="module")
def operators(on_sqlite: Live, tmp_path_factory: pytest.TempPathFactory) -> Operators:
    stage = Stage(on_sqlite, tmp_path_factory.mktemp("operators"))
    return Operators(stage.operator("Olga"), stage.operator("Otto"))


@pytest.fixture
def installed(buyer: Buyer) -> Installed:
    """The genuine application on Anna's phone, new each time."""
    return fresh(buyer.handset, buyer.file)


def refusal(ask: Callable[[], Any]) -> tuple[int, str]:
    with pytest.raises(TerminalError) as refused:
        ask()
    return int(refused.value.members["status"]), refused.value.code


def test_package_has_signature_and_first_key_and_files_and_sdk_and_billing_file(
    buyer: Buyer,
) -> None:
    with buyer.file.open("rb") as file:
        package = PackageFile(file)
        manifest = package.check()
        assert len(package.first_key) == 32
        assert len(package.store) > 0
    names = {file.path for file in manifest.files}
    assert {"app/index.html", "app/game/rooms.json", "app/game/story.txt"} < names
    assert {"sdk/business.py", "sdk/security/core.py", "sdk/security/store.py"} < names
    assert {name.partition("/")[0] for name in names} == {"app", "sdk", "billing.cbor"}
    assert [item.amount for item in buyer.billing.items] == [250, 120, 30, 80, 990]


def test_first_key_is_also_in_the_secure_store(buyer: Buyer, game: Application) -> None:
    with buyer.file.open("rb") as file:
        assert PackageFile(file).first_key == buyer.store.first_key
    shown = buyer.handset.party.get(f"/packages/{game.id}")
    assert from_base64(shown["first_key"]) == buyer.store.first_key
    app = fresh(buyer.handset, resign(buyer.file, SigningKey.generate()))
    assert found(buyer.handset, app) == (False, True)


def test_repacked_package_is_self_consistent_yet_caught(
    buyer: Buyer, operators: Operators
) -> None:
    key = SigningKey.generate()
    package = resign(buyer.file, key)
    # Whoever unpacks it and trusts what lies in it sees nothing wrong.
    assert read_package(package) == buyer.manifest
    with package.open("rb") as file:
        assert PackageFile(file).first_key == key.public
    running = started(buyer.handset, fresh(buyer.handset, package))
    assert billed(buyer.handset, running) == REFUSED
    assert operators.signals(buyer)[0] == "key_mismatch"


@pytest.mark.parametrize("what", ["flipped", "added", "removed"])
def test_app_file_signature_with_salt(buyer: Buyer, installed: Installed, what: str) -> None:
    assert found(buyer.handset, installed) == (True, True)
    change(installed, what)
    running = started(buyer.handset, installed)
    assert (running.found.key_matches, running.found.files_match) == (True, False)
    assert billed(buyer.handset, running) == REFUSED


def test_third_key_pair_per_package_with_private_key_in_the_key_centre(
    on_sqlite: Live, buyer: Buyer, dana: Party, tmp_path: Path
) -> None:
    second = Application.build(on_sqlite, dana, tmp_path, "Dungeon II")
    theirs = Buyer(buyer.handset, second.packed_for(buyer.handset))
    for one, another in ((buyer, theirs), (theirs, buyer)):
        sealed = seal(one.request(), one.store.third_key)
        ask = partial(buyer.post_sealed, sealed, another.manifest.package)
        assert refusal(ask) == (400, "decrypt_failed")
    private = second.private_keys
    content = theirs.file.read_bytes()
    assert find_seeds(private, [("package", content)]) == []
    # The search sees what is there.
    assert find_seeds([theirs.store.first_key], [("package", content)])


def test_comparison_is_done_at_start_up_on_the_terminal(
    buyer: Buyer, installed: Installed
) -> None:
    with mock.patch.object(hashlib, "file_digest", wraps=hashlib.file_digest) as hashed:
        running = started(buyer.handset, installed)
        at_start = hashed.call_count
        assert billed(buyer.handset, running) == WAITS
        assert billed(buyer.handset, running) == WAITS
    assert at_start == len(buyer.manifest.files)
    assert hashed.call_count == at_start


@pytest.mark.parametrize("result", [9, 10], ids=["key", "signature"])
def test_both_results_are_in_the_request(buyer: Buyer, result: int) -> None:
    request = buyer.request()
    fields: list[Any] = [1, request.package, request.build, request.terminal, request.item]
    fields += [request.amount, request.currency, request.nonce, 0, 1, 1, 1, "network"]
    fields[result + 1] = None
    fields.append(request.evidence)
    info = f"cs/billing/v1|{request.package.hex()}|network".encode()
    sealed = hpke.seal(cbor.encode(fields), buyer.store.third_key, info)
    ask = partial(buyer.post_sealed, sealed, request.package)
    assert refusal(ask) == (400, "request_incomplete")


@pytest.mark.parametrize(("key", "files"), BOOLEANS)
def test_high_needs_both(buyer: Buyer, *, key: bool, files: bool) -> None:
    outcome = buyer.outcome(buyer.request(key=key, files=files))
    assert outcome == (WAITS if key and files else REFUSED)


@pytest.fixture(scope="module")
def low(other: Buyer, operators: Operators) -> Buyer:
    operators.rule("level", "low", terminal=other.handset.home.pins().device)
    return other


@pytest.mark.parametrize(("key", "files"), BOOLEANS)
def test_low_needs_at_least_the_signature(low: Buyer, *, key: bool, files: bool) -> None:
    outcome = low.outcome(low.request(key=key, files=files))
    assert outcome == (WAITS if files else REFUSED)


@pytest.fixture(scope="module")
def any_one(on_sqlite: Live) -> Any:
    """The site with ``LOW_RULE=ANY_ONE``."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LOW_RULE", "ANY_ONE")
        with on_sqlite.without("platform"):
            pass
    yield
    with on_sqlite.without("platform"):
        pass


@pytest.mark.parametrize(("key", "files"), BOOLEANS)
def test_low_needs_any_one_where_the_setting_says_so(
    any_one: None, low: Buyer, *, key: bool, files: bool
) -> None:
    outcome = low.outcome(low.request(key=key, files=files))
    assert outcome == (WAITS if key or files else REFUSED)


def test_level_by_terminal_id_stored_beforehand_phones_a_and_b(buyer: Buyer, low: Buyer) -> None:
    said = {"key": False, "files": True}
    assert buyer.outcome(buyer.request(POTION, **said)) == REFUSED
    asked = low.post(low.request(POTION, **said))
    assert low.pay(asked).body["state"] == "captured"


def test_levels_and_strategy_per_application_and_phone_number(
    on_sqlite: Live, anna: Party, dana: Party, operators: Operators, tmp_path: Path
) -> None:
    game = Application.build(on_sqlite, dana, tmp_path, "Quest")
    buyer = Buyer.of(game, anna)
    terminal, number = buyer.handset.home.pins().device, buyer.handset.number
    path = f"/billing/terminals/{terminal}/decision?package={game.id}&item=1&amount=250"
    # Each is more specific than the one before; of the last two, the stricter wins.
    table: list[tuple[dict[str, Any], str, str]] = [
        ({"package": game.id}, "low", "sms_code"),
        ({"package": game.id, "amount_from": 200}, "high", "online"),
        ({"package": game.id, "item": 1}, "low", "captcha"),
        ({"number": number}, "high", "payment_password"),
        ({"terminal": terminal}, "low", "sms_code"),
        ({"terminal": terminal}, "high", "online"),
    ]
    for conditions, level, strategy in table:
        wanted = {"level": level, "strategy": strategy}
        rules = [operators.rule(kind, value, **conditions) for kind, value in wanted.items()]
        decided = operators.olga.call("GET", path)
        assert {kind: decided[kind]["value"] for kind in wanted} == wanted
        assert [decided[kind]["rule"] for kind in wanted] == [made["id"] for made in rules]
        assert all(decided[kind]["why"] for kind in wanted)
    assert buyer.outcome(buyer.request()) == "awaiting_online"


def test_network_and_sms_channels(
    on_sqlite: Live, buyer: Buyer, game: Application, installed: Installed, tmp_path: Path
) -> None:
    # The same by both.
    nonces = [buyer.nonce(), buyer.nonce()]
    assert buyer.pay(buyer.post(buyer.request(POTION, nonce=nonces[0]))).status == 200
    text = buyer.text(buyer.request(POTION, nonce=nonces[1], channel=Channel.SMS))
    assert buyer.handset.send_sms(text) == 204
    assert "Paid: 0.30 EUR to Dana Games for Healing potion" in buyer.handset.read_sms()
    # The same number by the other channel, or again, charges nothing more.
    count = partial(on_sqlite.count, "platform", "packages_billingrequest", "state = 'captured'")
    before = count()
    for nonce in nonces:
        assert buyer.outcome(buyer.request(POTION, nonce=nonce)) == "nonce_reused"
    assert buyer.handset.send_sms(text) == 204
    assert count() == before
    # A terminal that reaches nobody: every socket is refused to its program.
    running = started(buyer.handset, installed)
    running.billing.add_nonces(*fetch_nonces(buyer.handset.phone.platform, 1))
    with pytest.raises(AssertionError, match="server_unavailable"):
        without_network(buyer.handset, tmp_path, "nonces", game.id)
    bill = ("bill", game.id, str(POTION), "--by", "sms", "--yes")
    text = without_network(buyer.handset, tmp_path, *bill)
    assert len(text) == 132
    assert buyer.handset.send_sms(text) == 204
    assert count() == before + 1


def test_result_is_sent_back_to_the_terminal(on_sqlite: Live, buyer: Buyer) -> None:
    asked = buyer.post(buyer.request(POTION))
    assert (asked["state"], asked["strategy"]) == (WAITS, "payment_password")
    assert asked["consent"] == "Pay 0.30 EUR to Dana Games for Healing potion?"
    answer = buyer.pay(asked).body
    assert (answer["state"], bool(answer["receipt"])) == ("captured", True)
    request = buyer.request(POTION, files=False, channel=Channel.SMS)
    assert buyer.handset.send_sms(buyer.text(request)) == 204
    assert buyer.handset.send_sms(buyer.text(buyer.request(POTION, channel=Channel.SMS))) == 204
    refused, paid = sms_to(on_sqlite, buyer.handset.number)[-2:]
    assert "Nothing was charged." in refused
    assert paid.startswith("Paid: 0.30 EUR")


ABOVE = {
    "security/interface.py": {"business.py"},
    "security/core.py": {"security/interface.py"},
    "security/store.py": {"security/core.py"},
}


def test_sdk_is_a_business_module_and_a_security_module_of_three_layers(
    buyer: Buyer, installed: Installed
) -> None:
    sdk = installed.files / "sdk"
    imports = {
        path.relative_to(sdk).as_posix(): {
            (node.level, node.module)
            for node in ast.walk(ast.parse(path.read_text("utf-8")))
            if isinstance(node, ast.ImportFrom)
        }
        for path in sdk.rglob("*.py")
    }
    for layer, above in ABOVE.items():
        name = layer.removesuffix(".py").replace("/", ".")
        forms = {(1, name), (1, name.removeprefix("security.")), (2, name)}
        assert {path for path, used in imports.items() if used & forms} == above
    # At run time the guard says the same.
    module = load_sdk(installed.files)
    layers = importlib.import_module(f"{module.__name__}.layers")
    store = importlib.import_module(f"{module.__name__}.security.store")
    with pytest.raises(layers.LayerViolation):
        store.Store(None)
    running = started(buyer.handset, installed)
    core = running.billing._security._core
    with pytest.raises(RuntimeError, match="may not call"):
        core.compare()


def test_security_module_protects_the_business_module(buyer: Buyer, installed: Installed) -> None:
    business = installed.files / "sdk" / "business.py"
    content = business.read_bytes()
    business.write_bytes(content.replace(b"sells no such item", b"sells no such Item"))
    assert found(buyer.handset, installed) == (True, False)


def test_store_resists_cracking(buyer: Buyer, installed: Installed) -> None:
    running = started(buyer.handset, installed)
    (store,) = (path for path in installed.state.iterdir() if path.stat().st_size > 100)
    content = bytearray(store.read_bytes())
    assert find_seeds([buyer.store.salt, buyer.store.share], [("store", bytes(content))]) == []
    content[len(content) // 2] ^= 1
    store.write_bytes(content)
    with pytest.raises(Exception, match="changed"):
        billed(buyer.handset, running)
    assert found(buyer.handset, installed) == (False, False)
    # For good: not even what was there opens it again.
    content[len(content) // 2] ^= 1
    store.write_bytes(content)
    assert found(buyer.handset, installed) == (False, False)
    assert found(buyer.handset, fresh(buyer.handset, buyer.file)) == (True, True)


def test_receive_verify_send_on_the_platform_and_receive_process_send_on_the_terminal() -> None:
    modules = {
        "billing.packages.services.receive": ("receive_network", "receive_sms"),
        "billing.packages.services.verify": ("verify",),
        "billing.packages.services.send": ("confirm", "ask", "refuse"),
        "terminal.application.receive": ("download", "fetch_nonces"),
        "terminal.application.process": ("install", "start"),
        "terminal.application.send": ("send_by_network", "Outbox"),
    }
    for name, functions in modules.items():
        module = importlib.import_module(name)
        assert all(callable(getattr(module, function)) for function in functions)


@pytest.fixture(scope="module")
def strategies(buyer: Buyer, game: Application, operators: Operators) -> None:
    """An item for each strategy."""
    for item, strategy in ((SHIELD, "captcha"), (MAP, "sms_code"), (CASTLE, "online")):
        operators.rule("strategy", strategy, package=game.id, item=item)


def test_strategy_direct_sms(strategies: None, buyer: Buyer) -> None:
    before = buyer.spent
    assert buyer.handset.send_sms(buyer.text(buyer.request(channel=Channel.SMS))) == 204
    assert buyer.spent == before + 250
    # From a number that is not the terminal's, nothing is charged.
    stranger = Handset.bound(buyer.handset.live, buyer.handset.party)
    assert stranger.send_sms(buyer.text(buyer.request(channel=Channel.SMS))) == 204
    assert buyer.spent == before + 250


def test_strategy_online(strategies: None, buyer: Buyer) -> None:
    stale = buyer.nonce()
    asked = buyer.post(buyer.request(CASTLE))
    assert asked["state"] == "awaiting_online"
    path = f"/billing/requests/{asked['request']}/online"
    for request in (buyer.request(CASTLE, nonce=stale), buyer.request(SWORD)):
        sealed = to_base64(seal(request, buyer.store.third_key))
        refusal(partial(buyer.ask, path, {"sealed": sealed}))
    assert buyer.pay(asked).body["code"] == "online_required"
    refused = buyer.prove(asked, "strategy", strategy="payment_password")
    assert refused.code == "strategy_unavailable"
    sealed = to_base64(seal(buyer.request(CASTLE), buyer.store.third_key))
    assert buyer.ask(path, {"sealed": sealed})["state"] == "captured"


def test_strategy_graphic_captcha(strategies: None, on_sqlite: Live, buyer: Buyer) -> None:
    asked = buyer.post(buyer.request(SHIELD))
    image = Path(buyer.handset.home.folder, "captcha.png")
    fetch_captcha(buyer.handset.phone.platform, asked["request"], image)
    assert image.read_bytes().startswith(b"\x89PNG")
    wrong = buyer.prove(asked, "captcha", answer="QQQQQQ")
    assert (wrong.status, wrong.code, wrong.body["images_left"]) == (403, "captcha_wrong", 2)
    letters = buyer.letters_of(asked)
    assert buyer.prove(asked, "captcha", answer=letters).body["state"] == "captured"
    # Three images, and no fourth.
    asked = buyer.post(buyer.request(SHIELD))
    for _ in range(3):
        assert buyer.prove(asked, "captcha", answer="QQQQQQ").code == "captcha_wrong"
    assert buyer.prove(asked, "captcha", answer="QQQQQQ").status == 403
    assert buyer.state(asked) == "awaiting_captcha"


def test_strategy_payment_password(strategies: None, buyer: Buyer) -> None:
    asked = buyer.post(buyer.request(SWORD))
    wrong = buyer.prove(asked, "payment-password", payment_password="red apples 8")
    assert wrong.code == "paypass_wrong"
    assert buyer.state(asked) == WAITS
    assert buyer.pay(asked).body["state"] == "captured"
    assert buyer.pay(asked).code == "request_closed"


def test_strategy_dynamic_sms_code(strategies: None, buyer: Buyer) -> None:
    asked = buyer.post(buyer.request(MAP))
    text = buyer.handset.read_sms()
    code = text.split()[0]
    # Dynamic linking: it says what for.
    assert "0.80 EUR to Dana Games for Map" in text
    wrong = f"{(int(code) + 1) % 10**6:06}"
    refused = buyer.prove(asked, "sms-code", code=wrong)
    assert (refused.code, refused.body["tries_left"]) == ("sms_code_wrong", 4)
    assert buyer.prove(asked, "sms-code/resend").code == "rate_limited"
    # Of another request, it is no code.
    second = buyer.post(buyer.request(MAP))
    assert buyer.prove(second, "sms-code", code=code).code == "sms_code_wrong"
    assert buyer.prove(asked, "sms-code", code=code).body["state"] == "captured"


def test_few_data_are_exchanged_quickly(on_sqlite: Live, buyer: Buyer) -> None:
    request, text = buyer.request(), buyer.text(buyer.request(channel=Channel.SMS))
    seen = b"POST /api/v1/billing/"
    before = [bytes(part) for part in on_sqlite.front.seen]
    took = [seconds_for(lambda: buyer.post(request))]
    after = b"".join(map(bytes, on_sqlite.front.seen))
    assert after.count(seen) - b"".join(before).count(seen) == 1
    assert len(text) == 132
    while took[-1] >= 2 and len(took) < 10:
        # Something else that the machine did is over by then.
        took.append(seconds_for(partial(buyer.post, buyer.request())))
    # A machine that is busy for good takes as much longer for a request of nothing.
    nothing = seconds_for(partial(urllib3.request, "GET", f"{on_sqlite.origin}/healthz"))
    assert took[-1] < max(2, 100 * nothing)


def seconds_for(work: Callable[[], object]) -> float:
    began = time.monotonic()
    work()
    return time.monotonic() - began


def test_dark_charging_and_unknowing_orders_are_prevented(
    on_sqlite: Live, buyer: Buyer, strategies: None
) -> None:
    before = buyer.spent
    assert buyer.outcome(buyer.request(is_consented=False)) == "consent_missing"
    asked = buyer.post(buyer.request())
    assert buyer.prove(asked, "cancel").body["state"] == "cancelled"
    assert buyer.pay(asked).code == "request_closed"
    party = buyer.handset.party
    assert (
        party.call("PUT", "/charges/caps", {"currency": "EUR", "day": 1, "month": 1}).status == 200
    )
    assert buyer.outcome(buyer.request()) == "cap_exceeded"
    assert buyer.spent == before
    # Each charge has a receipt, and each receipt says what was charged.
    charges = [
        charge for charge in party.get("/charges")["results"] if charge["state"] == "captured"
    ]
    assert charges
    for charge in charges:
        receipt = party.download(f"/charges/{charge['id']}/receipt.cbor")
        told = Charge.from_signed(cose.parse(receipt))
        assert (told.uid.hex(), told.amount) == (charge["id"], charge["amount"])
    assert (
        on_sqlite.count(
            "platform", "packages_billingrequest", "state = 'captured' AND receipt IS NULL"
        )
        == 0
    )
    assert "the ledger is right" in on_sqlite.manage("verify_ledger")


def test_lying_client_is_refused_raised_to_high_and_shown_to_the_operator(
    game: Application, anna: Party, operators: Operators
) -> None:
    handset = Handset.bound(game.live, anna)
    liar = Buyer(handset, game.packed_for(handset))
    operators.rule("level", "low", terminal=handset.home.pins().device)
    app = fresh(handset, liar.file)
    change(app, "flipped")
    teach_to_lie(app.files)
    running = started(handset, app)
    assert (running.found.key_matches, running.found.files_match) == (True, True)
    assert billed(handset, running) == REFUSED
    assert operators.signals(liar)[0] == "evidence_mismatch"
    # What LOW lets pass, it is refused from now on.
    assert liar.outcome(liar.request(key=False)) == REFUSED
    assert liar.outcome(liar.request()) != REFUSED
