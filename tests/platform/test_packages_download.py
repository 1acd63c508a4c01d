"""Downloads of applications: every part of a package, packed for one terminal alone."""

import base64
import io
from typing import Any
from zipfile import ZipFile

import pytest
from django.conf import settings
from django.test import Client

from audit.models import AuditRow
from billing.packages.models import Terminal
from billing.packages.services.building import revoke_build
from billing.packages.services.keys import first_key, salt, third_private
from billing.packages.services.store import package_files
from protocol.errors import ProtocolError
from protocol.measuring import app_signature
from protocol.package import BillingFile, StoreContent
from protocol.package_file import PackageFile
from tests.platform.applications import MAIN, PRICES, Application, Biller, build_of
from tests.platform.gadgets import Gadget, proof
from tests.platform.world import API, Person, everything_stored, now

pytestmark = pytest.mark.usefixtures("phone_keys")


@pytest.fixture
def dragons() -> Application:
    return Application.make(title="Dragons")


@pytest.fixture
def gadget(dora: Person) -> Gadget:
    return Gadget.of(dora)


def fetch(
    gadget: Gadget, application: Application, *, build: int | None = None, key: str = ""
) -> Any:
    """Ask for a package as a device does."""
    path = f"/packages/{application.package}/download"
    headers = {"DPoP": proof(gadget.keys.signing, "POST", path)}
    if key:
        headers["Idempotency-Key"] = key
    query = f"?build={build}" if build is not None else ""
    return Client().generic("POST", API + path + query, headers=headers)


def downloaded(gadget: Gadget, application: Application) -> bytes:
    """Return a package as it comes."""
    answer = fetch(gadget, application)
    assert answer.status_code == 200
    content = answer.getvalue()
    assert isinstance(content, bytes)
    assert answer["Content-Length"] == str(len(content))
    return content


def store_of(content: bytes, gadget: Gadget, application: Application) -> StoreContent:
    """Open the store as the device does."""
    return StoreContent.open(
        PackageFile(io.BytesIO(content)).store,
        gadget.keys.box,
        package=bytes(application.package.uid),
        build=application.build.number,
        thumbprint=gadget.keys.thumbprint,
    )


def test_a_package_has_every_part(gadget: Gadget, dragons: Application) -> None:
    """Package signature, first key, application files, SDK, billing file, and the store."""
    with ZipFile(io.BytesIO(downloaded(gadget, dragons))) as archive:
        assert archive.testzip() is None
        names = set(archive.namelist())
        sdk = {name for name in names if name.startswith("sdk/")}
        assert names - sdk == {
            *("package.cose", "first.key", "billing.cbor", "app/main.py", "store.sealed")
        }
        assert {"sdk/business.py", "sdk/security/interface.py"} <= sdk
        assert all(name.endswith(".py") for name in sdk)
        for name in sdk:
            path = settings.PACKAGE_SDK / name.removeprefix("sdk/")
            assert archive.read(name) == path.read_bytes()
        assert archive.read("app/main.py") == MAIN
        billing = BillingFile.from_bytes(archive.read("billing.cbor"))
        assert [(item.number, item.title, item.amount) for item in billing.items] == list(PRICES)


def test_a_package_is_signed_by_its_first_key(gadget: Gadget, dragons: Application) -> None:
    file = PackageFile(io.BytesIO(downloaded(gadget, dragons)))
    manifest = file.check()
    assert file.first_key == bytes(dragons.package.first_key)
    assert manifest.root == bytes(dragons.build.root)


def test_the_first_key_is_in_the_store_too(gadget: Gadget, dragons: Application) -> None:
    content = downloaded(gadget, dragons)
    store = store_of(content, gadget, dragons)
    assert store.first_key == PackageFile(io.BytesIO(content)).first_key


def test_the_store_holds_salt_signature_third_key_and_share(
    gadget: Gadget, dragons: Application
) -> None:
    store = store_of(downloaded(gadget, dragons), gadget, dragons)
    assert store.salt == salt(dragons.build)
    assert store.signature == app_signature(store.salt, bytes(dragons.build.root))
    assert store.third_key == bytes(dragons.package.third_key)
    assert store.share == bytes(Terminal.objects.get(device=gadget.row).share)
    assert store.platform == settings.COUNTERSIGN_ORIGIN


def test_no_private_key_is_in_any_package(gadget: Gadget, dragons: Application) -> None:
    cards = Application.make(dragons.developer, title="Cards")
    seen = b""
    for application in (dragons, cards):
        content = downloaded(gadget, application)
        store = store_of(content, gadget, application)
        seen += (
            content
            + repr(store.to_cbor()).encode()
            + b"".join(part for part in store.to_cbor() if isinstance(part, bytes))
        )
    assert bytes(dragons.package.first_key) in seen
    for application in (dragons, cards):
        for secret in (
            first_key(application.package).to_bytes(),
            third_private(application.package).private_bytes_raw(),
        ):
            for written in (
                secret,
                secret.hex().encode(),
                base64.b64encode(secret).rstrip(b"="),
                base64.urlsafe_b64encode(secret).rstrip(b"="),
            ):
                assert written not in seen


def test_the_salt_is_nowhere_in_clear(gadget: Gadget, dragons: Application) -> None:
    secret = salt(dragons.build)
    assert secret not in downloaded(gadget, dragons)
    with package_files().open(dragons.build.path) as file:
        assert secret not in file.read()


def test_every_package_has_a_third_key_of_its_own(gadget: Gadget, dragons: Application) -> None:
    cards = Application.make(dragons.developer, title="Cards")
    stores = [store_of(downloaded(gadget, each), gadget, each) for each in (dragons, cards)]
    assert stores[0].third_key != stores[1].third_key
    assert stores[0].salt != stores[1].salt


def test_a_package_opens_on_the_terminal_that_it_was_packed_for_alone(
    dora: Person, gadget: Gadget, dragons: Application
) -> None:
    other = Gadget.of(dora, "Other")
    mine, its = downloaded(gadget, dragons), downloaded(other, dragons)
    with pytest.raises(ProtocolError, match="does not open"):
        store_of(mine, other, dragons)
    # Nothing else tells them apart.
    with ZipFile(io.BytesIO(mine)) as first, ZipFile(io.BytesIO(its)) as second:
        for name in first.namelist():
            assert (first.read(name) == second.read(name)) is (name != "store.sealed")


def test_a_download_registers_the_terminal_once(gadget: Gadget, dragons: Application) -> None:
    for _ in range(2):
        downloaded(gadget, dragons)
    assert Terminal.objects.filter(device=gadget.row).count() == 1
    rows = AuditRow.objects.filter(action="build.downloaded", actor=gadget.row.actor)
    assert [row.subject for row in rows] == [str(dragons.build)] * 2


def test_the_newest_build_comes_unless_one_is_named(gadget: Gadget, dragons: Application) -> None:
    build_of(dragons.package)
    for named, number in ((None, 2), (1, 1), (2, 2)):
        answer = fetch(gadget, dragons, build=named)
        assert PackageFile(io.BytesIO(answer.getvalue())).manifest().build == number
        assert answer["Content-Disposition"].endswith(f'"{dragons.package}-{number}.cspkg"')
        assert answer["Cache-Control"] == "no-store"


@pytest.mark.parametrize("build", [0, 3, -1, 2**31, 2**63, 10**40])
def test_a_build_that_is_not_there_is_not_sent(
    gadget: Gadget, dragons: Application, build: int
) -> None:
    answer = fetch(gadget, dragons, build=build)
    assert (answer.status_code, answer.json()["code"]) == (404, "package_unknown")


def test_a_revoked_build_is_not_sent(olga: Person, gadget: Gadget, dragons: Application) -> None:
    build_of(dragons.package)
    revoke_build(build=dragons.build, operator=olga.holder, now=now())
    before = everything_stored()
    # That the device was here is noted, and nothing else.
    del before["binding.Device"]
    answer = fetch(gadget, dragons, build=1)
    assert (answer.status_code, answer.json()["code"]) == (410, "build_revoked")
    assert {**everything_stored(), **before} == everything_stored()
    assert AuditRow.objects.filter(actor=gadget.row.actor, code="build_revoked").count() == 1


def test_a_revoked_build_bills_nobody(olga: Person, dora: Person, dragons: Application) -> None:
    biller = Biller.of(dora)
    build_of(dragons.package)
    revoke_build(build=dragons.build, operator=olga.holder, now=now())
    answer = biller.bill(dragons)
    assert (answer.status, answer.body["code"]) == (410, "build_revoked")


def test_what_only_revoked_builds_have_is_not_downloaded(
    olga: Person, gadget: Gadget, dragons: Application
) -> None:
    revoke_build(build=dragons.build, operator=olga.holder, now=now())
    assert fetch(gadget, dragons).json()["code"] == "package_unknown"


def test_only_a_device_downloads(dora: Person, dragons: Application) -> None:
    path = f"/packages/{dragons.package}/download"
    assert Client().post(API + path).status_code == 401
    stranger = Gadget()
    assert fetch(stranger, dragons).status_code == 401
    assert not Terminal.objects.exists()


def test_a_file_that_the_store_lost_is_our_trouble(gadget: Gadget, dragons: Application) -> None:
    package_files().delete(dragons.build.path)
    answer = fetch(gadget, dragons)
    assert (answer.status_code, answer.json()["code"]) == (503, "file_unavailable")


def test_a_repeated_download_is_packed_anew(gadget: Gadget, dragons: Application) -> None:
    for _ in range(2):
        answer = fetch(gadget, dragons, key="once")
        assert answer.status_code == 200
        PackageFile(io.BytesIO(answer.getvalue())).check()


def test_an_application_that_is_not_there_is_unknown(gadget: Gadget, dragons: Application) -> None:
    path = "/packages/00000000/download"
    answer = gadget.call("POST", path)
    assert (answer.status, answer.body["code"]) == (404, "package_unknown")
