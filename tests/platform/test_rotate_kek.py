"""``rotate_kek``: every stored secret under the new key, whatever happens on the way."""

import base64
import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from django.apps import apps
from django.conf import settings
from django.core.checks import run_checks
from django.core.management import CommandError, call_command
from django.test import override_settings

from audit.models import AuditRow
from billing.entitlements.models import Version
from billing.entitlements.selectors import content_key
from billing.packages.services.keys import first_key, salt, third_private
from billing.packages.services.terminals import open_evidence_key
from binding.models import Message
from binding.services.messages import content_of
from binding.services.register import number_of
from countersign import rotation
from countersign.rotation import COLUMNS
from enrolment.models import AuthserverHost
from enrolment.selectors import client_for
from notices.models import SmsMessage, WebhookEndpoint
from notices.services import deliver_sms, send_sms, sms, webhooks
from offline.services.clients import box_private, offline_password_key
from protocol.sealing import Sealer
from signing import services as signing
from tests.platform.applications import Application, Biller
from tests.platform.offline import Phone as OfflinePhone
from tests.platform.phones import Phone
from tests.platform.shopping import on_shelf
from tests.platform.world import Person, now

OLD = settings.COUNTERSIGN_KEK
NEW, NEWER = (base64.b64encode(bytes([number]) * 32).decode() for number in (1, 2))
BOTH = f"{NEW},{OLD}"
URL = "https://shop.example/events"
# Answers kept for repeated requests: they are over within a day, and are under the key of then.
LEFT_OUT = {"common.IdempotentRequest.sealed_answer"}


def under(keys: str) -> override_settings:
    """Have the platform use these keys, and forget what it opened with others."""
    signing._cache.clear()
    return override_settings(COUNTERSIGN_KEK=keys)


def rotate(keys: str = BOTH) -> str:
    """Run the command; return what it said."""
    said = io.StringIO()
    with under(keys):
        call_command("rotate_kek", stdout=said, stderr=said)
    return said.getvalue()


def refused(keys: str = BOTH) -> tuple[str, str]:
    """Run the command, which is to fail; return what it said, and why."""
    said = io.StringIO()
    with under(keys), pytest.raises(CommandError) as refusal:
        call_command("rotate_kek", stdout=said, stderr=said)
    return said.getvalue(), str(refusal.value)


@dataclass
class Everything:
    """One of each thing that has a secret of its own."""

    anna: Person
    phone: Phone
    other: Phone
    application: Application
    biller: Biller
    offline: OfflinePhone

    def opened(self) -> dict[str, Any]:
        """Open all of it as the site does."""
        signing._cache.clear()
        build, package = self.application.build, self.application.package
        package.refresh_from_db()
        build.refresh_from_db()
        waiting = SmsMessage.objects.exclude(sealed_text=b"").get()
        return {
            "signing keys": [
                signing.signing_key(purpose, now=now()).key.to_bytes()
                for purpose in signing.PURPOSES
            ],
            "host": client_for(AuthserverHost.objects.get()).key,
            "codes": RecoveryCodes(Authenticator.objects.get()).generate_codes(),
            "webhook": webhook_secret(),
            "sms": (sms._opened(waiting, "number"), sms._opened(waiting, "text")),
            "number": number_of(self.phone.row),
            "message": content_of(Message.objects.get()),
            "content": content_key(Version.objects.get()),
            "first": first_key(package).to_bytes(),
            "third": third_private(package).private_bytes_raw(),
            "salt": salt(build),
            "evidence": open_evidence_key(self.biller.row),
            "box": box_private(self.offline.row).private_bytes_raw(),
            "password": offline_password_key(self.offline.row),
        }


@pytest.fixture
def everything(anna: Person, sms: list[tuple[str, str]]) -> Everything:
    phone, other = Phone.bound(anna), Phone.bound(Person.make("Ben"))
    permit = phone.permit("message").body["permit"]
    assert phone.send(phone.write(other), permit).status == 201
    on_shelf(Person.make("Cora"))
    listen(anna)
    RecoveryCodes.activate(anna.holder.user)
    offline = OfflinePhone.of(anna, has_password=True)
    application, biller = Application.make(), Biller.of(anna, gadget=phone.gadget)
    deliver_sms(now=now())
    write("+491700000001")
    return Everything(anna, phone, other, application, biller, offline)


def listen(person: Person, url: str = URL) -> WebhookEndpoint:
    return webhooks.add_endpoint(holder_id=person.holder.pk, url=url, now=now())[0]


def write(number: str) -> SmsMessage:
    soon = now() + webhooks.WAITS[1]
    return send_sms(number=number, text="Hello", purpose="test", expires_at=soon, now=now())


def webhook_secret(keys: str = "") -> bytes:
    """Open the secret of the only endpoint."""
    endpoint = WebhookEndpoint.objects.get()
    sealer = Sealer.from_base64_list(keys or settings.COUNTERSIGN_KEK)
    return sealer.open(bytes(endpoint.sealed_secret), webhooks.webhook_context(endpoint.url))


def test_every_sealed_column_is_in_the_table_or_left_out_for_a_reason() -> None:
    sealed = {
        f"{model._meta.label}.{field.name}"
        for model in apps.get_models()
        for field in model._meta.concrete_fields
        if field.name.startswith("sealed_")
    }
    tabled = {str(column) for column in COLUMNS if not column.key}
    assert tabled | LEFT_OUT == sealed
    assert not tabled & LEFT_OUT


def test_all_secrets_open_under_the_new_key_alone_and_are_what_they_were(
    everything: Everything, capfd: pytest.CaptureFixture[str]
) -> None:
    before = everything.opened()
    assert all(column.rows.exists() for column in COLUMNS)
    said = rotate()

    sealed = rotation.count()
    assert said == f"{sealed} secrets sealed anew, 0 had been before\n"
    with under(NEW):
        assert everything.opened() == before
        alone = Sealer.from_base64(NEW)
        for column in (column for column in COLUMNS if not column.key):
            for row in column.rows:
                alone.open(bytes(getattr(row, column.field)), column.context(row))
    audited = AuditRow.objects.filter(action="kek.rotated").get()
    assert (audited.actor, audited.subject, audited.code) == ("system", f"{sealed} secrets", "")
    shown = capfd.readouterr()
    assert "secrets" in shown.err
    for key in (OLD, NEW):
        assert key not in said + shown.out + shown.err
    assert rotate() == f"0 secrets sealed anew, {sealed} had been before\n"


def test_everything_goes_on_with_an_old_key_a_new_one_and_a_newer_one(
    everything: Everything,
) -> None:
    number = {"number": everything.other.sim.number}
    again = f"{NEWER},{NEW},{OLD}"
    for keys, is_rotated in ((OLD, False), (BOTH, False), (BOTH, True), (again, True)):
        if is_rotated:
            rotate(keys)
        with under(keys):
            everything.anna.sign(everything.anna.open())
            # By number, chip and SIM: keyed hashes.
            peer = everything.phone.gadget.call("POST", "/binding/peers", number)
            assert peer.status == 200, peer
            assert everything.phone.permit().status == 201
            assert everything.phone.register().refusal[1] == "already_bound"
            assert offline_password_key(everything.offline.row)
            assert everything.biller.bill(everything.application).status in (200, 201, 202)


def test_a_third_rotation_drops_the_key_between(dora: Person) -> None:
    listen(dora)
    secret = webhook_secret()
    rotate()
    rotate(f"{NEWER},{NEW},{OLD}")
    assert webhook_secret(NEWER) == secret
    assert rotate(f"{NEWER},{OLD}") == "0 secrets sealed anew, 1 had been before\n"


@pytest.mark.parametrize("keys", [OLD, NEW])
def test_one_key_is_not_rotated(db: None, keys: str) -> None:
    said, why = refused(keys)
    assert "put the new key in front (COUNTERSIGN_KEK=new,old)" in why
    assert keys not in said + why
    assert not AuditRow.objects.exists()


def test_a_run_that_was_cut_off_goes_on(dora: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(5):
        listen(dora, f"https://shop{number}.example/")
    theirs = rotation._seal_anew
    seen: list[Any] = []

    def interrupted(*arguments: Any) -> Any:
        if len(seen) == 2:
            raise KeyboardInterrupt
        seen.append(arguments)
        return theirs(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(rotation, "_seal_anew", interrupted)
        assert refused() == ("", "Cut off; all the keys still open. Run it again.")
    assert not AuditRow.objects.filter(action="kek.rotated").exists()
    assert rotate() == "3 secrets sealed anew, 2 had been before\n"


def test_more_rows_than_are_read_at_once(dora: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rotation, "_AT_ONCE", 2)
    for number in range(5):
        write(f"+49170000000{number}")
    assert rotate() == "10 secrets sealed anew, 0 had been before\n"


def test_a_damaged_row_is_named_and_the_others_are_done(dora: Person) -> None:
    first, last = listen(dora), listen(dora, URL + "2")
    WebhookEndpoint.objects.filter(pk=first.pk).update(sealed_secret=b"damaged" * 9)
    codes = RecoveryCodes.activate(dora.holder.user).instance
    Authenticator.objects.filter(pk=codes.pk).update(data={"seed": "no base64", "used_mask": 0})

    said, why = refused()

    assert said.splitlines() == [
        "1 secrets sealed anew, 0 had been before",
        f"mfa.Authenticator.data of {codes.pk} opens with none of the keys",
        f"notices.WebhookEndpoint.sealed_secret of {first.pk} opens with none of the keys",
    ]
    assert why == "secrets_left: 2 secrets are as they were"
    assert AuditRow.objects.get(action="kek.rotated").code == "secrets_left"
    last.refresh_from_db()
    context = webhooks.webhook_context(last.url)
    assert Sealer.from_base64(NEW).open(bytes(last.sealed_secret), context)


def meanwhile(monkeypatch: pytest.MonkeyPatch, change: Callable[[], object], times: int) -> None:
    """Have somebody change something when a row was read and is not yet written."""
    theirs, left = rotation._anew, [change] * times

    def slow(*arguments: Any) -> bytes | None:
        sealed = theirs(*arguments)
        if left:
            left.pop()()
        return sealed

    monkeypatch.setattr(rotation, "_anew", slow)


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        (BOTH, "0 secrets sealed anew, 1 had been before\n"),
        # By a process that was not restarted.
        (OLD, "1 secrets sealed anew, 0 had been before\n"),
    ],
)
def test_a_change_meanwhile_is_not_overwritten(
    dora: Person, monkeypatch: pytest.MonkeyPatch, keys: str, said: str
) -> None:
    endpoint, shown = listen(dora), []

    def renew() -> None:
        with override_settings(COUNTERSIGN_KEK=keys):
            shown.append(webhooks.renew_secret(holder_id=dora.holder.pk, endpoint_id=endpoint.pk))

    meanwhile(monkeypatch, renew, times=1)
    assert rotate() == said
    assert shown == ["whsec_" + base64.b64encode(webhook_secret(NEW)).decode()]


def test_a_recovery_code_used_meanwhile_stays_used(
    dora: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    codes = RecoveryCodes.activate(dora.holder.user)
    code, *others = codes.get_unused_codes()
    meanwhile(monkeypatch, lambda: codes.validate_code(code), times=1)

    assert rotate() == "1 secrets sealed anew, 0 had been before\n"
    with under(NEW):
        assert RecoveryCodes(Authenticator.objects.get()).get_unused_codes() == others


def test_what_is_gone_meanwhile_is_no_fault(dora: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    meanwhile(monkeypatch, listen(dora).delete, times=1)
    assert rotate() == "0 secrets sealed anew, 0 had been before\n"


def test_what_changes_at_every_try_is_left_and_named(
    dora: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint = listen(dora)

    def renew() -> None:
        with override_settings(COUNTERSIGN_KEK=OLD):
            webhooks.renew_secret(holder_id=dora.holder.pk, endpoint_id=endpoint.pk)

    meanwhile(monkeypatch, renew, times=rotation._TRIES)
    said, _ = refused()
    name = f"notices.WebhookEndpoint.sealed_secret of {endpoint.pk}"
    assert f"{name} was changed by others at every try" in said
    assert rotate() == "1 secrets sealed anew, 0 had been before\n"


@pytest.mark.parametrize(
    ("keys", "detail"),
    [
        (f"{NEW},{NEW}", "a key-encryption key is there twice"),
        (f"{NEW},{OLD},{NEW}", "a key-encryption key is there twice"),
        (f"{NEW},", "a key-encryption key has 32 bytes"),
        (f"{NEW},QUFBQQ==", "a key-encryption key has 32 bytes"),
        (f"{NEW} {OLD}", "the key-encryption key is not base64"),
    ],
)
def test_keys_that_cannot_be_meant_stop_a_release(keys: str, detail: str) -> None:
    with under(keys):
        (fault,) = run_checks(tags=["security"])
    assert fault.id == "countersign.E001"
    assert fault.msg == f"COUNTERSIGN_KEK: {detail}."
    with under(keys), pytest.raises(CommandError, match=f"key_invalid: {detail}"):
        call_command("rotate_kek")


def test_spaces_between_keys_do_not_matter() -> None:
    with under(f"{NEW}, {OLD}"):
        assert run_checks() == []
