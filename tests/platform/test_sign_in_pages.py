"""Sign-up, sign-in and what belongs to them: allauth's pages in our frame, in both languages."""

import re
from collections.abc import Iterator
from datetime import timedelta
from smtplib import SMTPException
from typing import Any

import pytest
import time_machine
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from django.core import mail
from django.test import Client, override_settings
from django.urls import include, path

from accounts.adapter import MFAAdapter
from accounts.models import User
from countersign import urls
from tests.platform.operators import text
from tests.platform.world import everything_as_bytes, now

PASSWORD = "correct horse battery"
LANGUAGES = ["en", "zh-hans"]

# A site without passkeys: its address has a number instead of a name.
handler404 = urls.handler404
urlpatterns = [
    path("accounts/", include("allauth.account.urls")),
    path("accounts/2fa/", include("allauth.mfa.base.urls")),
    path("accounts/2fa/recovery-codes/", include("allauth.mfa.recovery_codes.urls")),
    *(pattern for pattern in urls.urlpatterns if "allauth" not in repr(pattern)),
]


@pytest.fixture(autouse=True)
def quick_passwords(settings: Any) -> None:
    """Hash passwords cheaply: these tests are about pages."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def dora(db: None) -> User:
    user = User.objects.create_user("dora@example.com", PASSWORD)
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    return user


@pytest.fixture
def browser(dora: User) -> Client:
    """A browser in which Dora has just shown that it is her."""
    client = Client()
    response = client.post("/accounts/login/", {"login": dora.email, "password": PASSWORD})
    assert response["Location"] == "/"
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    return client


@pytest.fixture
def passkey(dora: User) -> Authenticator:
    """A passkey, as far as pages show it, with recovery codes."""
    RecoveryCodes.activate(dora)
    return Authenticator.objects.create(
        user=dora, type="webauthn", data={"name": "Laptop", "credential": {}}
    )


@pytest.fixture
def without_passkeys() -> Iterator[None]:
    options: dict[str, Any] = {
        "ROOT_URLCONF": __name__,
        "MFA_SUPPORTED_TYPES": ["recovery_codes"],
        "MFA_PASSKEY_LOGIN_ENABLED": False,
    }
    with override_settings(**options):
        yield


def look(client: Client, address: str, language: str) -> str:
    """Get a page in a language; return it, having checked its frame."""
    response = client.get(address, headers={"Accept-Language": language})
    assert response.status_code == 200, (address, response.status_code, response.headers)
    page = text(response)
    assert f'<html lang="{language}">' in page
    assert '<header class="top">' in page
    assert '<footer class="foot">' in page
    assert page.count("<h1") == 1
    assert re.search(r"<title>\s*\S+.* · Countersign</title>", page)
    # Scripts are files, or data that no browser runs.
    inline = re.findall(r"<script(?![^>]*(?:src=|application/json))[^>]*>", page)
    assert not inline
    assert not re.findall(r"\s(?:style|on\w+)=", page)
    assert "<style" not in page
    if language != "en":
        assert not english_in(page)
    return page


def english_in(page: str) -> set[str]:
    """English words on a page that is to be Chinese; names stay as they are."""
    body = re.sub(r"<script.*?</script>", "", page[page.index("<main") :], flags=re.DOTALL)
    words = set(re.findall(r"[A-Za-z]{3,}", re.sub(r"<[^>]*>", " ", body)))
    names = {
        "English",
        "JavaScript",
        "PIN",
        "UTC",
        "Email",
        "Laptop",
        "dora",
        "emil",
        "example",
        "com",
    }
    return words - names


def mailed_code() -> str:
    found = re.search(r"^([A-Z0-9]{4}-[A-Z0-9]{4})$", str(mail.outbox[-1].body), re.MULTILINE)
    assert found
    return found[1]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("address", ["login/", "signup/", "password/reset/", "inactive/"])
def test_a_page_for_whoever_is_not_signed_in_has_our_frame(
    db: None, address: str, language: str
) -> None:
    look(Client(), f"/accounts/{address}", language)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    "address",
    [
        *("logout/", "email/", "password/change/", "reauthenticate/", "sessions/"),
        *("2fa/", "2fa/webauthn/", "2fa/webauthn/add/"),
    ],
)
def test_a_page_of_the_own_account_has_our_frame(
    browser: Client, address: str, language: str
) -> None:
    look(browser, f"/accounts/{address}", language)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    "address",
    [
        *("2fa/", "2fa/webauthn/", "2fa/webauthn/keys/{}/edit/", "2fa/webauthn/keys/{}/remove/"),
        *("2fa/recovery-codes/", "2fa/recovery-codes/generate/", "2fa/reauthenticate/"),
    ],
)
def test_a_page_of_passkeys_has_our_frame(
    browser: Client, passkey: Authenticator, address: str, language: str
) -> None:
    look(browser, f"/accounts/{address.format(passkey.pk)}", language)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_way_of_a_sign_up_has_our_frame(db: None, language: str) -> None:
    client = Client()
    client.post("/accounts/signup/", {"email": "emil@example.com", "password1": PASSWORD})

    page = look(client, "/accounts/confirm-email/", language)

    assert "emil@example.com" in page
    assert page.count('name="action" value="resend"') == 1
    assert page.count('name="action" value="change"') == 1


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_way_of_a_new_password_has_our_frame(dora: User, language: str) -> None:
    client = Client(headers={"Accept-Language": language})
    client.post("/accounts/password/reset/", {"email": dora.email})
    look(client, "/accounts/password/reset/confirm/", language)
    client.post("/accounts/password/reset/confirm/", {"code": mailed_code()})
    look(client, "/accounts/password/reset/complete/", language)

    fresh = "another horse entirely"
    response = client.post(
        "/accounts/password/reset/complete/", {"password1": fresh, "password2": fresh}
    )
    look(client, response["Location"], language)


def test_sign_up_leads_to_where_somebody_wanted_to_go(db: None) -> None:
    client = Client()
    wanted = "/transactions/" + "ab" * 8
    sign_in = client.get(wanted)["Location"]
    sign_up = re.search(r'href="(/accounts/signup/[^"]+)"', text(client.get(sign_in)))
    assert sign_up
    fields = {"email": "emil@example.com", "password1": PASSWORD, "next": wanted}
    assert f'name="next" value="{wanted}"' in text(client.get(sign_up[1]))
    confirm = client.post(sign_up[1], fields)["Location"]

    assert client.post(confirm, {"code": mailed_code()})["Location"] == wanted


def test_sign_up_without_a_wish_leads_to_the_first_page(db: None) -> None:
    client = Client()
    client.post("/accounts/signup/", {"email": "emil@example.com", "password1": PASSWORD})

    assert client.post("/accounts/confirm-email/", {"code": mailed_code()})["Location"] == "/"


def test_a_wish_for_another_site_is_not_followed(dora: User) -> None:
    fields = {"login": dora.email, "password": PASSWORD, "next": "https://evil.example/"}

    assert Client().post("/accounts/login/", fields)["Location"] == "/"


@pytest.mark.parametrize(
    ("address", "fields"),
    [
        ("login/", {"login": "dora@example.com", "password": "wrong"}),
        ("signup/", {"email": "nobody", "password1": "short"}),
        ("password/reset/", {"email": "nobody"}),
    ],
)
def test_what_is_wrong_is_said_on_the_page(
    dora: User, address: str, fields: dict[str, str]
) -> None:
    page = text(Client().post(f"/accounts/{address}", fields))

    assert 'class="errorlist' in page
    assert "short" not in page.partition("errorlist")[0], "a password is not sent back"


def test_what_is_wrong_is_said_in_the_language_of_the_page(dora: User) -> None:
    wrong = {"email": "nobody", "password1": "short"}

    page = text(Client().post("/accounts/signup/", wrong, headers={"Accept-Language": "zh-CN"}))

    assert not english_in(page)


def test_a_wrong_code_is_said_beside_its_field(db: None) -> None:
    client = Client()
    client.post("/accounts/signup/", {"email": "emil@example.com", "password1": PASSWORD})

    page = text(client.post("/accounts/confirm-email/", {"code": "0000-0000"}))

    assert "Incorrect code" in page


def test_another_code_can_be_sent(db: None) -> None:
    client = Client()
    client.post("/accounts/signup/", {"email": "emil@example.com", "password1": PASSWORD})
    first = mailed_code()

    with time_machine.travel(now() + timedelta(seconds=11), tick=False):
        client.post("/accounts/confirm-email/", {"action": "resend"})

    assert mailed_code() != first
    assert client.post("/accounts/confirm-email/", {"code": mailed_code()})["Location"] == "/"


def test_a_new_address_counts_once_its_code_was_typed(browser: Client, dora: User) -> None:
    browser.post("/accounts/email/", {"action_add": "yes", "email": "new@example.com"})
    assert "dora@example.com" in text(browser.get("/account"))

    browser.post("/accounts/confirm-email/", {"code": mailed_code()})

    dora.refresh_from_db()
    assert dora.email == "new@example.com"


def test_a_new_address_asks_once_more_who_it_is(browser: Client, dora: User) -> None:
    with time_machine.travel(now() + timedelta(minutes=10), tick=False):
        fields = {"action_add": "yes", "email": "new@example.com"}
        again = browser.post("/accounts/email/", fields)["Location"]
        assert again.startswith("/accounts/reauthenticate/")
        assert not mail.outbox

        response = browser.post(again, {"password": PASSWORD})

    assert response["Location"] == "/accounts/confirm-email/"
    assert mail.outbox[0].to == ["new@example.com"]


def test_a_passkey_does_not_stand_in_the_way_of_a_new_address(
    browser: Client, dora: User, passkey: Authenticator
) -> None:
    browser.post("/accounts/email/", {"action_add": "yes", "email": "new@example.com"})
    browser.post("/accounts/confirm-email/", {"code": mailed_code()})

    dora.refresh_from_db()
    assert dora.email == "new@example.com"


def test_whoever_tries_too_often_is_told_to_wait(dora: User) -> None:
    client = Client()
    *_, last = (client.post("/accounts/password/reset/", {"email": dora.email}) for _ in range(6))

    assert last.status_code == 429
    assert "too often" in text(last)


# Passkeys.


def test_the_page_for_signing_in_offers_a_passkey(db: None) -> None:
    page = text(Client().get("/accounts/login/"))

    assert 'id="passkey_login"' in page
    assert "<noscript>" in page


@pytest.mark.usefixtures("without_passkeys")
def test_where_there_can_be_no_passkeys_none_are_offered(browser: Client) -> None:
    account, sign_in = browser.get("/account"), Client().get("/accounts/login/")

    assert "There are no passkeys here" in text(account)
    assert "passkey" not in text(sign_in)


def test_recovery_codes_are_shown_and_what_they_are_made_from_is_sealed(
    browser: Client, dora: User, passkey: Authenticator
) -> None:
    codes = RecoveryCodes(Authenticator.objects.get(type="recovery_codes"))

    page = text(browser.get("/accounts/2fa/recovery-codes/"))

    assert all(code in page for code in codes.get_unused_codes())
    seed = codes.instance.data["seed"]
    assert len(seed) > 60, "nonce, ciphertext and tag"
    assert MFAAdapter().decrypt(seed).encode() not in everything_as_bytes()


def test_a_form_calls_an_address_as_all_pages_do(browser: Client) -> None:
    visitor = Client()
    pages = [visitor.get(f"/accounts/{at}/") for at in ("login", "signup", "password/reset")]

    for response in (*pages, browser.get("/accounts/email/")):
        page = text(response)
        assert ">E-mail address<" in page
        assert "Email" not in page.replace("E-mail", "")


# E-mail.


CHANGES: list[tuple[str, dict[str, str], str]] = [
    (
        "password/change/",
        {"oldpassword": PASSWORD, "password1": "another horse", "password2": "another horse"},
        "Your password was changed",
    ),
    ("2fa/webauthn/keys/{}/remove/", {}, "A passkey was removed"),
]


@pytest.mark.parametrize(("address", "fields", "words"), CHANGES)
def test_what_was_changed_is_told_with_the_device_it_was_done_with(
    browser: Client, passkey: Authenticator, address: str, fields: dict[str, str], words: str
) -> None:
    device = {"User-Agent": "Mozilla/5.0 (Windows NT 10.0) Gecko/20100101 Firefox/140.0"}

    browser.post(f"/accounts/{address.format(passkey.pk)}", fields, headers=device)

    body = str(mail.outbox[-1].body)
    assert words in body
    assert "Firefox on Windows from 127.0.0.1" in body
    assert "http://localhost:8000/accounts/sessions/" in body


# Written when the codes are committed, as nothing is in the other tests.
@pytest.mark.django_db(transaction=True)
def test_new_recovery_codes_are_told(browser: Client, passkey: Authenticator) -> None:
    browser.post("/accounts/2fa/recovery-codes/generate/")

    assert "New recovery codes were made" in str(mail.outbox[-1].body)


def test_the_old_address_is_told_of_the_new_one(browser: Client) -> None:
    browser.post("/accounts/email/", {"action_add": "yes", "email": "new@example.com"})
    browser.post("/accounts/confirm-email/", {"code": mailed_code()})

    assert mail.outbox[-1].to == ["dora@example.com"]
    assert "new@example.com" in str(mail.outbox[-1].body)


def test_a_change_stays_done_where_nobody_can_be_told(
    browser: Client, dora: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise SMTPException

    monkeypatch.setattr("django.core.mail.EmailMessage.send", fail)
    address, fields, _ = CHANGES[0]

    assert browser.post(f"/accounts/{address}", fields).status_code == 302

    dora.refresh_from_db()
    assert dora.check_password("another horse")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_message_is_written_in_the_language_of_the_page(db: None, language: str) -> None:
    fields = {"email": "emil@example.com", "password1": PASSWORD}

    Client().post("/accounts/signup/", fields, headers={"Accept-Language": language})

    assert User.objects.get().language == language
    assert "Countersign" in mail.outbox[0].subject
    is_english = "Type it on the page" in str(mail.outbox[0].body)
    assert is_english is (language == "en")


def test_a_message_is_written_in_the_language_of_its_reader(dora: User) -> None:
    dora.language = "zh-hans"
    dora.save()

    Client().post("/accounts/password/reset/", {"email": dora.email})

    assert "Type it on the page" not in str(mail.outbox[0].body)


@pytest.mark.parametrize(
    ("address", "fields"),
    [
        ("signup/", {"email": "dora@example.com", "password1": PASSWORD}),
        ("password/reset/", {"email": "stranger@example.com"}),
    ],
)
def test_a_message_tells_what_a_page_would_not_tell_a_stranger(
    dora: User, address: str, fields: dict[str, str]
) -> None:
    response = Client().post(f"/accounts/{address}", fields)

    assert response.status_code == 302
    (message,) = mail.outbox
    assert message.to == [fields["email"]]
    assert "http://" in str(message.body)
    assert "example.com" not in message.subject
