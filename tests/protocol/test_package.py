"""Application packages: the tree, the signatures, the store, and archives that mean harm."""

import hashlib
import hmac
import io
import struct
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol import cbor, cose, measuring
from protocol.cose import Typ
from protocol.ed25519 import SigningKey
from protocol.errors import ProtocolError
from protocol.measuring import (
    BILLING,
    MeasuredFile,
    app_signature,
    check_path,
    check_paths,
    files_of,
    installed_files,
    measure,
    merkle_root,
    read_ranges,
)
from protocol.package import BillingFile, Item, Manifest, StoreContent, store_info
from protocol.package_file import PackageFile, with_store, write_package
from tests.protocol import strategies as some

FIRST = SigningKey.from_bytes(bytes([7]) * 32)
BOX = X25519PrivateKey.from_private_bytes(bytes([9]) * 32)
BOX_PUBLIC = BOX.public_key().public_bytes_raw()
ID, PRINT = bytes.fromhex("0a1b2c3d"), bytes(range(32))
CATALOGUE = BillingFile(
    ID, 3, "Knights", "Ann's games", "EUR", "https://cs.example.com", (Item(7, "Sword", 250),)
)
STORE = StoreContent(
    ID, 3, "https://cs.example.com", FIRST.public, bytes(32), bytes(32), BOX_PUBLIC, BOX_PUBLIC
)

# Enough to find what is wrong; the machine has other tests.
FEW = settings(max_examples=40)


def refused(call: Callable[[], object]) -> str:
    with pytest.raises(ProtocolError) as refusal:
        call()
    return refusal.value.code


# The tree.


def plain_root(leaves: list[bytes]) -> bytes:
    """Compute RFC 9162 section 2.1.1 in its own words."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    split = max(2**power for power in range(12) if 2**power < len(leaves))
    halves = plain_root(leaves[:split]) + plain_root(leaves[split:])
    return hashlib.sha256(b"\x01" + halves).digest()


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 5, 7, 8, 9, 100])
def test_the_root_is_that_of_rfc_9162_over_path_and_digest(count: int) -> None:
    files = [(f"app/{number:03}", bytes([number]) * 32) for number in range(count)]
    expected = plain_root([cbor.encode(list(file)) for file in files])
    assert merkle_root(files) == merkle_root(reversed(files)) == expected


@FEW
@given(st.lists(st.tuples(some.ascii_texts(8), some.octets(32)), min_size=1, max_size=9))
def test_any_change_gives_another_root(files: list[tuple[str, bytes]]) -> None:
    (path, digest), rest = files[0], files[1:]
    root = merkle_root(files)
    flipped = bytes([digest[0] ^ 1]) + digest[1:]
    assert root not in {
        merkle_root([(path, flipped), *rest]),
        merkle_root([(path + "x", digest), *rest]),
        merkle_root(rest),
        merkle_root([*files, ("zzzzzzzzz", digest)]),
    }


def test_the_app_signature_is_a_keyed_hash_of_the_root() -> None:
    expected = hmac.new(b"salt" * 8, b"root" * 8, hashlib.sha256).digest()
    assert app_signature(b"salt" * 8, b"root" * 8) == expected


# Paths.


@pytest.mark.parametrize(
    "path", ["billing.cbor", "app/a", "sdk/security/core.py", "app/图/ä b.txt", "app/.hidden"]
)
def test_a_path_that_means_the_same_everywhere_is_taken(path: str) -> None:
    check_path(path)


@pytest.mark.parametrize(
    "path",
    [
        *("", "app", "app/", "/app/a", "../app/a", "app/../../a", "app/./a", "app//a", "etc/a"),
        *("app/a\\b", "C:/a", "app/a:b", "app/a.", "app/a ", "app/a\x00", "app/a\n", "app/a*"),
        *("app/\u202ea", "app/e\u0301", "sdk", "billing.cbor/a", "first.key", "app/" + "a" * 200),
    ],
)
def test_a_path_that_could_lead_elsewhere_is_refused(path: str) -> None:
    assert refused(lambda: check_path(path)) == "path_refused"


@pytest.mark.parametrize(
    "paths",
    [
        ["app/a", "app/a"],
        ["app/a", "app/A"],
        ["app/straße", "app/STRASSE"],
        ["app/a", "app/a/b"],
        ["app/A/b/c", "app/a"],
        [f"app/{number}" for number in range(4097)],
    ],
    ids=["twice", "case", "sharp s", "folder", "folder by case", "too many"],
)
def test_paths_that_cannot_be_beside_each_other_are_refused(paths: list[str]) -> None:
    assert refused(lambda: check_paths(paths)) == "path_refused"
    check_paths(["app/a", "app/b", "app/c/a", "app/c/b", "sdk/a"])


def test_what_is_no_file_is_not_measured(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"a")
    assert [*files_of(tmp_path, "app")] == ["app/a"]
    (tmp_path / "b").symlink_to(tmp_path / "a")
    assert refused(lambda: files_of(tmp_path, "app")) == "path_refused"
    (tmp_path / "b").unlink()
    (tmp_path / "c").symlink_to("/")
    assert refused(lambda: files_of(tmp_path, "app")) == "path_refused"


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        files_of(tmp_path / "no", "app")
    assert installed_files(tmp_path) == {}


# Ranges.


@FEW
@given(st.lists(st.binary(max_size=9), max_size=6), st.integers(0, 60), st.integers(0, 60))
def test_ranges_are_read_as_from_one_long_file(
    contents: list[bytes], offset: int, length: int
) -> None:
    files = [
        MeasuredFile(f"app/{place}", bytes(32), len(content))
        for place, content in enumerate(contents)
    ]
    opened: list[str] = []

    def open_file(path: str) -> io.BytesIO:
        opened.append(path)
        return io.BytesIO(contents[int(path[4:])])

    whole = b"".join(contents)
    expected = whole[offset : offset + length]
    assert read_ranges(files, open_file, [(offset, length), (0, 2)]) == expected + whole[:2]


# Manifest, billing file, store.


def manifest(*paths: str) -> Manifest:
    files = (MeasuredFile(path, bytes(32), 5) for path in sorted(paths))
    return Manifest(ID, 3, tuple(files))


@FEW
@given(
    st.lists(st.from_regex(r"(app|sdk)/[a-z]{1,9}", fullmatch=True), unique=True, max_size=9),
    st.integers(1, 65535),
    some.octets(4),
)
def test_a_manifest_is_read_as_it_was_signed(paths: list[str], build: int, uid: bytes) -> None:
    given_one = replace(manifest(*paths), build=build, package=uid)
    assert Manifest.open(given_one.sign(FIRST), key=FIRST.public) == given_one


def test_another_key_and_another_typ_are_refused() -> None:
    other = SigningKey.from_bytes(bytes([8]) * 32)
    signed = manifest("app/a").sign(FIRST)
    assert refused(lambda: Manifest.open(signed, key=other.public)) == "signature_invalid"
    payload = cose.parse(signed).payload
    message = cose.sign(FIRST, Typ.MESSAGE, payload)
    assert refused(lambda: Manifest.open(message, key=FIRST.public)) == "typ_wrong"


def test_a_manifest_whose_root_is_another_is_refused() -> None:
    signed = manifest("app/a").sign(FIRST)
    parts = cbor.decode(cose.parse(signed).payload)
    parts[-1] = bytes(32)
    message = cose.sign(FIRST, Typ.PACKAGE, cbor.encode(parts))
    assert refused(lambda: Manifest.open(message, key=FIRST.public)) == "value_out_of_range"


@pytest.mark.parametrize(
    "change",
    [
        {"package": bytes(3)},
        {"build": 0},
        {"build": 65536},
        {"files": (MeasuredFile("app/b", bytes(32), 1), MeasuredFile("app/a", bytes(32), 1))},
        {"files": (MeasuredFile("app/a", bytes(32), 1),) * 2},
    ],
)
def test_a_manifest_with_a_wrong_field_is_none(change: dict[str, Any]) -> None:
    assert refused(lambda: replace(manifest("app/a"), **change))


@FEW
@given(some.VALUES)
def test_no_payload_gets_anything_but_a_refusal(value: object) -> None:
    payload = cbor.encode(value)
    message = cose.sign(FIRST, Typ.PACKAGE, payload)
    refused(lambda: Manifest.open(message, key=FIRST.public))
    refused(lambda: BillingFile.from_bytes(payload))
    refused(lambda: StoreContent.from_bytes(payload))


VALID = (
    cose.parse(manifest("app/a", "sdk/b").sign(FIRST)).payload,
    CATALOGUE.to_bytes(),
    cbor.encode([1, *STORE.to_cbor()]),
)


@FEW
@given(st.data())
def test_no_fields_of_other_types_get_through(data: st.DataObject) -> None:
    payload = data.draw(some.wrong_values(VALID))
    readers: list[Callable[[], bytes]] = [
        lambda: BillingFile.from_bytes(payload).to_bytes(),
        lambda: cbor.encode([1, *StoreContent.from_bytes(payload).to_cbor()]),
        lambda: (
            cose.parse(
                Manifest.open(cose.sign(FIRST, Typ.PACKAGE, payload), key=FIRST.public).sign(FIRST)
            ).payload
        ),
    ]
    for reader in readers:
        try:
            assert reader() == payload
        except ProtocolError:
            continue


@pytest.mark.parametrize(
    "change",
    [
        {"currency": "XXQ"},
        {"title": ""},
        {"payee": "a\x00"},
        {"platform": "ftp://x"},
        {"items": ()},
        {"items": (Item(7, "Sword", 250), Item(7, "Shield", 250))},
        {"items": (Item(8, "Sword", 250), Item(7, "Shield", 250))},
        {"items": tuple(Item(number, "Sword", 1) for number in range(1001))},
        {"build": 0},
    ],
)
def test_a_billing_file_with_a_wrong_field_is_none(change: dict[str, Any]) -> None:
    assert BillingFile.from_bytes(CATALOGUE.to_bytes()) == CATALOGUE
    assert refused(lambda: replace(CATALOGUE, **change))


@pytest.mark.parametrize(
    "parts", [(-1, "a", 1), (2**32, "a", 1), (1, "", 1), (1, "a", 0), (1, "a", 2**32), (1, 2, 3)]
)
def test_an_item_with_a_wrong_field_is_none(parts: tuple[Any, Any, Any]) -> None:
    assert refused(lambda: Item(*parts))


def test_a_store_opens_for_its_device_package_and_build_alone() -> None:
    sealed = STORE.seal(BOX_PUBLIC, PRINT)

    def opened(
        key: X25519PrivateKey = BOX, package: bytes = ID, build: int = 3, thumb: bytes = PRINT
    ) -> StoreContent:
        return StoreContent.open(sealed, key, package=package, build=build, thumbprint=thumb)

    assert opened() == STORE
    codes = {
        refused(lambda: opened(key=X25519PrivateKey.generate())),
        refused(lambda: opened(package=bytes(4))),
        refused(lambda: opened(build=4)),
        refused(lambda: opened(thumb=bytes(32))),
    }
    assert codes == {"sealed_invalid"}
    assert store_info(ID, 3, PRINT) == b"countersign/store/1" + ID + b"\x00\x03" + PRINT


def test_a_store_shows_nothing_in_its_repr() -> None:
    assert FIRST.public.hex() not in repr(STORE)
    assert "salt" not in repr(STORE)


# The archive.


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    """The measured files of a package."""
    contents = {BILLING: CATALOGUE.to_bytes(), "app/ä.txt": b"q", "sdk/a.py": b"s" * 70_000}
    for path, content in contents.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_bytes(content)
    return installed_files(tmp_path)


def packed(files: dict[str, Path], signed: Manifest | None = None) -> io.BytesIO:
    target = io.BytesIO()
    signature = (signed or Manifest(ID, 3, measure(files))).sign(FIRST)
    write_package(target, signature=signature, first_key=FIRST.public, files=files)
    return target


def test_a_package_has_every_part_and_reads_as_it_was_written(files: dict[str, Path]) -> None:
    sealed = STORE.seal(BOX_PUBLIC, PRINT)
    size, pieces = with_store(packed(files), sealed)
    whole = b"".join(pieces)
    assert len(whole) == size
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == [
            *("package.cose", "first.key"),
            *("app/ä.txt", "billing.cbor", "sdk/a.py", "store.sealed"),
        ]
    read = PackageFile(io.BytesIO(whole))
    assert read.check() == Manifest(ID, 3, measure(files))
    assert (read.store, read.first_key) == (sealed, FIRST.public)
    assert read.read_ranges(read.manifest(), [(0, 3), (read.manifest().size - 2, 9)])[-2:] == b"ss"


def test_the_same_files_give_the_same_bytes(files: dict[str, Path]) -> None:
    assert packed(files).getvalue() == packed(dict(reversed(files.items()))).getvalue()


def test_a_package_is_unpacked_file_by_file(files: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    PackageFile(packed(files)).extract(tmp_path / "out")
    assert measure(installed_files(tmp_path / "out")) == measure(files)
    assert (tmp_path / "out" / "first.key").read_bytes() == FIRST.public


def test_files_that_are_not_those_that_were_signed_are_refused(
    files: dict[str, Path], tmp_path: Path
) -> None:
    right = Manifest(ID, 3, measure(files))
    changed = {**files, "app/ä.txt": files[BILLING]}
    assert refused(PackageFile(packed(changed, right)).check) == "package_invalid"
    added = {**files, "app/more": files[BILLING]}
    assert refused(PackageFile(packed(added, right)).check) == "package_invalid"
    fewer = {BILLING: files[BILLING]}
    assert refused(PackageFile(packed(fewer, right)).check) == "package_invalid"


def test_a_package_of_the_common_part_alone_has_no_store(files: dict[str, Path]) -> None:
    assert refused(lambda: PackageFile(packed(files)).store) == "package_invalid"


def entry(name: str, *, mode: int = 0o100600, method: int = 0) -> zipfile.ZipInfo:
    made = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
    made.external_attr, made.compress_type = mode << 16, method
    return made


BASE = [(entry("package.cose"), b"x"), (entry("first.key"), FIRST.public)]


def archive(*entries: tuple[zipfile.ZipInfo, bytes], comment: bytes = b"") -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as written:
        written.comment = comment
        for each, content in entries:
            # The library would warn of a second one.
            written.NameToInfo.clear()
            written.writestr(each, content)
    return target.getvalue()


def patched(content: bytes, at: bytes, offset: int, value: bytes) -> bytes:
    """Change bytes behind the last place where something stands."""
    place = content.rindex(at) + offset
    return content[:place] + value + content[place + len(value) :]


GOOD = archive(*BASE, (entry("app/a"), b"content"))
CENTRAL, END = b"PK\x01\x02", b"PK\x05\x06"
HOSTILE: dict[str, bytes] = {
    "nothing": b"",
    "no archive": b"x" * 1000,
    "cut": GOOD[:-1],
    "bytes before it": b"x" + GOOD,
    "bytes behind it": GOOD + b"x",
    "a comment": archive(*BASE, comment=b"hello"),
    "no signature": archive((entry("first.key"), FIRST.public)),
    "no key": archive(BASE[0]),
    "another name": archive(*BASE, (entry("readme"), b"")),
    "the store twice": archive(*BASE, (entry("store.sealed"), b""), (entry("store.sealed"), b"")),
    "a file twice": archive(*BASE, (entry("app/a"), b"1"), (entry("app/a"), b"2")),
    "a path upwards": archive(*BASE, (entry("app/../../evil"), b"")),
    "an absolute path": archive(*BASE, (entry("/etc/passwd"), b"")),
    "a backslash": archive(*BASE, (entry("app/a\\b"), b"")),
    "a folder": archive(*BASE, (entry("app/a/"), b"")),
    "a case clash": archive(*BASE, (entry("app/a"), b""), (entry("app/A"), b"")),
    "a signature by another case": archive(*BASE, (entry("PACKAGE.COSE"), b"")),
    "a file for a folder": archive(*BASE, (entry("app/a"), b""), (entry("app/a/b"), b"")),
    "a link": archive(*BASE, (entry("app/a", mode=0o120777), b"/etc/passwd")),
    "a device": archive(*BASE, (entry("app/a", mode=0o020600), b"")),
    "compressed": archive(*BASE, (entry("app/a", method=zipfile.ZIP_DEFLATED), b"a" * 10**6)),
    "encrypted": patched(GOOD, CENTRAL, 8, b"\x01\x00"),
    "sizes behind the content": patched(GOOD, CENTRAL, 8, b"\x08\x00"),
    "one file in place of another": patched(GOOD, CENTRAL, 42, bytes(4)),
    "bytes between": patched(
        GOOD[: GOOD.index(CENTRAL)] + b"hidden" + GOOD[GOOD.index(CENTRAL) :],
        END,
        16,
        struct.pack("<L", GOOD.index(CENTRAL) + 6),
    ),
    "two sizes": patched(GOOD, CENTRAL, 20, struct.pack("<L", 3)),
    "a size without end": patched(GOOD, CENTRAL, 20, b"\xff" * 8),
    "a file beyond the end": patched(GOOD, CENTRAL, 42, b"\xff\xff\xff\x7f"),
    "more files than there are": patched(GOOD, END, 8, b"\xff\xff\xff\xff"),
    "a directory elsewhere": patched(GOOD, END, 16, b"\x00\x00\x00\x00"),
    "a directory beyond the end": patched(GOOD, END, 12, b"\xff\xff\xff\x7f"),
    "two disks": patched(GOOD, END, 4, b"\x01\x00"),
    "64 bits": GOOD[:-22] + b"PK\x06\x07" + bytes(16) + GOOD[-22:],
    "a key too long": archive(BASE[0], (entry("first.key"), bytes(33))),
    "a store too long": archive(*BASE, (entry("store.sealed"), bytes(2000))),
}


def test_the_base_of_the_hostile_archives_is_none_of_them() -> None:
    assert PackageFile(io.BytesIO(GOOD)).measured == ("app/a",)


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_archive_is_refused_before_anything_is_unpacked(
    content: bytes, tmp_path: Path
) -> None:
    def unpack() -> None:
        PackageFile(io.BytesIO(content)).extract(tmp_path)

    assert refused(unpack) in {"package_invalid", "path_refused"}
    assert not (tmp_path.parent / "evil").exists()


def test_more_than_a_package_may_hold_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("protocol.package_file.MAX_SIZE", 30)
    assert refused(lambda: PackageFile(io.BytesIO(GOOD))) == "package_invalid"


def test_too_many_files_are_refused_before_the_directory_is_read() -> None:
    entries = [(entry(f"app/{number}"), b"") for number in range(4097)]
    assert refused(lambda: PackageFile(io.BytesIO(archive(*BASE, *entries)))) == "path_refused"
    crowded = patched(GOOD, END, 8, struct.pack("<HH", 5000, 5000))
    assert refused(lambda: PackageFile(io.BytesIO(crowded))) == "package_invalid"


@settings(max_examples=100)
@given(st.integers(0, len(GOOD) - 1), st.integers(1, 255))
def test_no_change_of_a_byte_gets_anything_but_a_refusal_or_the_same(
    place: int, flip: int
) -> None:
    content = bytearray(GOOD)
    content[place] ^= flip
    try:
        read = PackageFile(io.BytesIO(bytes(content)))
        contents = {name: b"".join(read._chunks(name)) for name in read.measured}
    except ProtocolError:
        return
    assert set(contents.values()) <= {b"content"}


@FEW
@given(st.binary(max_size=200))
def test_no_bytes_get_anything_but_a_refusal(content: bytes) -> None:
    refused(lambda: PackageFile(io.BytesIO(content)))


def test_a_file_that_grew_too_large_is_not_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").write_bytes(b"12345")
    monkeypatch.setattr(measuring, "MAX_SIZE", 4)
    assert refused(lambda: measure(files_of(tmp_path, "app"))) == "value_out_of_range"
