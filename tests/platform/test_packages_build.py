"""Builds of applications: keys, what is packed and what is refused; revocation."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from django.conf import settings
from django.db import IntegrityError

from audit.models import AuditRow
from billing.packages import selectors
from billing.packages.errors import (
    BuildsExhaustedError,
    FolderInvalidError,
    ItemUnknownError,
    PackageUnknownError,
)
from billing.packages.models import Build, Item, Package
from billing.packages.services import building
from billing.packages.services.building import build_package, revoke_build
from billing.packages.services.keys import create_package, first_key, salt, third_private
from billing.packages.services.store import package_files, read_measured
from common.errors import InputInvalidError
from notices.models import Notice
from protocol import measuring
from protocol import package as packing
from protocol.errors import ProtocolError
from protocol.package_file import PackageFile, write_package
from tests.platform.applications import MAIN, PRICES, build_of
from tests.platform.world import Person, now


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An application's files."""
    place = tmp_path / "dragons"
    (place / "art").mkdir(parents=True)
    (place / "main.py").write_bytes(MAIN)
    (place / "art" / "dragon.txt").write_text("🐉", "utf-8")
    return place


@pytest.fixture
def package(dora: Person) -> Package:
    return create_package(developer=dora.holder, title=" Dragons ", currency="EUR", now=now())


def build(package: Package, folder: Path, prices: Any = PRICES) -> Build:
    return build_package(package=package, folder=folder, prices=prices, now=now())


def in_store(package: Package) -> list[Path]:
    """What lies in the store of a package."""
    place = Path(settings.PACKAGE_STORE) / package.public_id
    return list(place.iterdir()) if place.exists() else []


def test_a_package_has_keys_of_its_own(dora: Person, package: Package) -> None:
    other = create_package(developer=dora.holder, title="Cards", currency="JPY", now=now())
    assert package.title == "Dragons"
    assert package.uid != other.uid
    assert first_key(package).public == bytes(package.first_key)
    assert third_private(package).public_key().public_bytes_raw() == bytes(package.third_key)
    keys = [package.first_key, package.third_key, other.first_key, other.third_key]
    assert len({bytes(key) for key in keys}) == 4


def test_private_keys_are_sealed_at_rest(package: Package, folder: Path) -> None:
    made = build(package, folder)
    secrets = (
        first_key(package).to_bytes(),
        third_private(package).private_bytes_raw(),
        salt(made),
    )
    rows = [*Package.objects.values_list(), *Build.objects.values_list()]
    stored = b"".join(bytes(v) for row in rows for v in row if isinstance(v, bytes | memoryview))
    assert not any(secret in stored for secret in secrets)


def test_a_key_opens_in_no_other_row_and_in_no_other_place(dora: Person, package: Package) -> None:
    other = create_package(developer=dora.holder, title="Cards", currency="EUR", now=now())
    other.sealed_first_key, other.sealed_third_key = (
        package.sealed_first_key,
        package.sealed_third_key,
    )
    package.sealed_third_key = package.sealed_first_key
    for opens in (first_key, third_private):
        with pytest.raises(ProtocolError, match="does not open"):
            opens(other)
    with pytest.raises(ProtocolError, match="does not open"):
        third_private(package)


@pytest.mark.parametrize(
    ("title", "currency", "code"),
    [
        ("", "EUR", "text_empty"),
        ("x" * 81, "EUR", "text_too_long"),
        ("a\nb", "EUR", "text_refused"),
        ("Dragons", "XYZ", "currency_unknown"),
    ],
)
def test_title_and_currency_keep_the_rules(
    dora: Person, title: str, currency: str, code: str
) -> None:
    with pytest.raises(InputInvalidError) as refusal:
        create_package(developer=dora.holder, title=title, currency=currency, now=now())
    assert refusal.value.code == code
    assert not Package.objects.exists()


def test_a_build_is_measured_signed_and_stored(package: Package, folder: Path) -> None:
    made = build(package, folder)
    with package_files().open(made.path) as file:
        read = PackageFile(file)
        manifest = read.check()
        assert read.first_key == bytes(package.first_key)
    sdk = [
        f"sdk/{path.relative_to(settings.PACKAGE_SDK)}"
        for path in settings.PACKAGE_SDK.rglob("*.py")
    ]
    paths = ["app/art/dragon.txt", "app/main.py", "billing.cbor", *sdk]
    assert [each.path for each in manifest.files] == sorted(paths)
    assert (manifest.package, manifest.build) == (bytes(package.uid), 1)
    assert manifest.root == bytes(made.root)
    assert manifest.size == made.measured_size
    assert len(salt(made)) == 32


def test_the_billing_file_says_what_is_sold_and_who_is_paid(
    dora: Person, package: Package, folder: Path
) -> None:
    made = build(package, folder)
    with package_files().open(made.path) as file:
        billing = packing.BillingFile.from_bytes(ZipFile(file).read("billing.cbor"))
    assert (billing.title, billing.currency) == ("Dragons", "EUR")
    # Dora has not said what she is called.
    assert billing.payee == dora.holder.account
    assert [(i.number, i.title, i.amount) for i in billing.items] == list(PRICES)
    assert selectors.item_of(made, 1).amount == 250
    with pytest.raises(ItemUnknownError):
        selectors.item_of(made, 77)


def test_builds_count_up_and_never_change(package: Package, folder: Path) -> None:
    first = build(package, folder)
    (folder / "main.py").write_bytes(b"other")
    second = build(package, folder, [(1, "Golden sword", 300)])
    assert (first.number, second.number) == (1, 2)
    assert bytes(first.root) != bytes(second.root)
    assert salt(first) != salt(second)
    assert selectors.item_of(first, 1).amount == 250
    assert selectors.item_of(second, 1).amount == 300
    assert selectors.newest_build(package) == second
    assert selectors.build_of(package, 1) == first
    with pytest.raises(PackageUnknownError):
        selectors.build_of(package, 3)


def test_ranges_of_the_measured_content_are_those_that_a_terminal_reads(
    package: Package, folder: Path
) -> None:
    (folder / "large.bin").write_bytes(os.urandom(200_000))
    made = build(package, folder)
    ranges = [(0, 64), (100_000, 64), (made.measured_size - 64, 64), (50, 1_000)]
    with package_files().open(made.path) as file:
        read = PackageFile(file)
        assert read_measured(made, ranges) == read.read_ranges(read.manifest(), ranges)


def link_out(place: Path) -> None:
    (place / "passwd").symlink_to("/etc/passwd")


def link_folder(place: Path) -> None:
    (place / "etc").symlink_to("/etc")


def pipe(place: Path) -> None:
    os.mkfifo(place / "pipe")


def empty(place: Path) -> None:
    for file in place.rglob("*.*"):
        file.unlink()


def hidden(place: Path) -> None:
    (place / ".env").write_text("SECRET_KEY=1", "utf-8")


def hidden_folder(place: Path) -> None:
    (place / ".git").mkdir()
    (place / ".git" / "config").write_text("", "utf-8")


def case_alone(place: Path) -> None:
    (place / "MAIN.py").write_text("", "utf-8")


def no_utf8(place: Path) -> None:
    Path(os.fsdecode(os.fsencode(place) + b"/\xff.py")).write_text("", "utf-8")


def line_break(place: Path) -> None:
    (place / "a\nb").write_text("", "utf-8")


def backslash(place: Path) -> None:
    (place / "..\\..\\autoexec.bat").write_text("", "utf-8")


def too_large(place: Path) -> None:
    with (place / "huge.bin").open("wb") as file:
        # Nothing is written: it takes no room.
        file.truncate(settings.PACKAGE_MAX_BYTES + 1)


def too_deep(place: Path) -> None:
    deep = place.joinpath(*["d" * 50] * 4)
    deep.mkdir(parents=True)
    (deep / "x").write_text("", "utf-8")


@pytest.mark.parametrize(
    "spoil",
    [
        link_out,
        link_folder,
        pipe,
        empty,
        hidden,
        hidden_folder,
        case_alone,
        no_utf8,
        line_break,
        backslash,
        too_large,
        too_deep,
    ],
)
def test_a_hostile_folder_is_not_packed(
    package: Package, folder: Path, spoil: Callable[[Path], None]
) -> None:
    spoil(folder)
    with pytest.raises(FolderInvalidError) as refusal:
        build(package, folder)
    # Whatever is in a name, it does nothing to the screen that shows it.
    assert refusal.value.detail.isprintable()
    assert not Build.objects.exists()
    assert not in_store(package)


# With those of the SDK, or by themselves.
@pytest.mark.parametrize("more", [55, 61])
def test_too_many_files_are_not_packed(
    package: Package, folder: Path, monkeypatch: pytest.MonkeyPatch, more: int
) -> None:
    monkeypatch.setattr(measuring, "MAX_FILES", 60)
    for number in range(more):
        (folder / f"{number}.txt").touch()
    with pytest.raises(FolderInvalidError):
        build(package, folder)


def test_a_folder_that_is_not_there_is_no_application(package: Package, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        build(package, tmp_path / "nowhere")


def test_a_file_that_changes_while_it_is_packed_is_noticed(
    package: Package, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write_late(*args: Any, **options: Any) -> None:
        (folder / "main.py").write_bytes(MAIN[:-1] + b"?")
        write_package(*args, **options)

    monkeypatch.setattr(building, "write_package", write_late)
    with pytest.raises(FolderInvalidError, match="changed while"):
        build(package, folder)
    assert not in_store(package)


def test_a_manifest_that_no_terminal_would_read_is_not_made(
    package: Package, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packing, "MAX_MANIFEST_BYTES", 100)
    with pytest.raises(FolderInvalidError, match="too long together"):
        build(package, folder)
    assert not in_store(package)


@pytest.mark.parametrize(
    "prices",
    [
        [],
        [(1, "", 250)],
        [(1, "x" * 81, 250)],
        [(1, "Sword", 0)],
        [(1, "Sword", -5)],
        [(1, "Sword", 2**32)],
        [(2**32, "Sword", 250)],
        [(-1, "Sword", 250)],
        [(1, "Sword", 250), (1, "Shield", 250)],
        [(number, "Sword", 250) for number in range(1001)],
    ],
)
def test_items_keep_the_rules(
    package: Package, folder: Path, prices: list[tuple[int, str, int]]
) -> None:
    with pytest.raises(InputInvalidError):
        build(package, folder, prices)
    assert not Item.objects.exists()
    assert not in_store(package)


def test_who_comes_second_gets_the_next_number(
    package: Package, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pack = building._pack
    others: list[Build] = []

    def pack_late(*args: Any) -> Any:
        packed = pack(*args)
        monkeypatch.undo()
        others.append(build_of(package))
        return packed

    monkeypatch.setattr(building, "_pack", pack_late)
    assert build(package, folder).number == 2
    assert [other.number for other in others] == [1]
    # What was packed under the lost number is gone.
    assert len(in_store(package)) == 2


def test_what_breaks_another_rule_of_the_database_is_not_tried_for_ever(
    package: Package, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise IntegrityError

    monkeypatch.setattr(building, "record", fail)
    with pytest.raises(IntegrityError):
        build(package, folder)
    assert not in_store(package)


def test_builds_end_where_the_numbers_do(package: Package, folder: Path) -> None:
    last = build(package, folder)
    Build.objects.filter(pk=last.pk).update(number=2**16 - 1)
    with pytest.raises(BuildsExhaustedError):
        build(package, folder)


def test_revoking_a_build_is_noted_once(olga: Person, package: Package) -> None:
    made = build_of(package)
    for _ in range(2):
        revoke_build(build=made, operator=olga.holder, now=now())
    rows = AuditRow.objects.filter(action="build.revoked")
    assert [(row.actor, row.subject) for row in rows] == [
        (olga.holder.operator_actor, f"{package.public_id} build 1")
    ]
    with pytest.raises(PackageUnknownError):
        selectors.newest_build(package)
    assert not selectors.packages_for_sale().exists()
    # Whoever has it learns it when it is used.
    assert not Notice.objects.exists()


def test_the_newest_build_is_the_newest_that_was_not_revoked(
    olga: Person, package: Package
) -> None:
    first, second = build_of(package), build_of(package)
    revoke_build(build=second, operator=olga.holder, now=now())
    assert selectors.newest_build(package) == first
    assert [each.newest for each in selectors.packages_for_sale()] == [1]  # type: ignore[attr-defined]
