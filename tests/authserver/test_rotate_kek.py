"""``rotate_kek``: new keys for every row, whatever happens on the way."""

import io
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from django.apps import apps
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection, models
from django.test import Client
from pytest_django import Settings

from authserver import keyproviders
from authserver.errors import KeyProviderError
from authserver.keyproviders import environment
from authserver.models import DataKey, Server
from authserver.services import datakeys, rotation, seals
from protocol.errors import ProtocolError
from tests.authserver.world import Bank, LocalHost, Paired, new_key


def rotate(*arguments: str) -> str:
    out = io.StringIO()
    call_command("rotate_kek", *arguments, stdout=out, stderr=io.StringIO())
    return out.getvalue()


@pytest.fixture
def one_of_each(kek_file: Path, host: LocalHost, bank: Bank) -> dict[str, Paired]:
    """A token in each state that has secrets of its own."""
    tokens = {name: Paired.make(host, bank) for name in ("issued", "enrolled", "active")}
    tokens["enrolled"].enrol()
    tokens["active"].activate()
    tokens["active"].rotate_signing_key()
    return tokens


def sealed_fields() -> Iterator[tuple[type[models.Model], str]]:
    for model in apps.get_app_config("authserver").get_models():
        for field in model._meta.concrete_fields:
            if field.name.startswith("sealed_"):
                yield model, field.name


def all_sealed() -> dict[tuple[str, str, Any], bytes]:
    """Return everything that is sealed, by model, field and row."""
    return {
        (model.__name__, name, key): sealed
        for model, name in sealed_fields()
        for key, sealed in model._default_manager.values_list("pk", name)
        if sealed
    }


def assert_all_work(tokens: dict[str, Paired]) -> None:
    """See that the host does with each token what it could before."""
    for token in tokens.values():
        assert token.host.call("GET", "/readyz").status == 200
        assert token.status()["vk"]
    active = tokens["active"]
    answer = active.answer(active.statement(number=active.row.seq))
    assert answer.body["accepted"] is True
    enrolled = tokens["enrolled"]
    digits = enrolled.token.secrets and enrolled.token.secrets.digits
    page = Client().post("/e", {"link": enrolled.invitation.to_link()})
    assert digits
    assert f"{digits[:4]} {digits[4:]}" in page.content.decode()
    assert Paired.make(active.host, active.bank).enrol().status == 200


@pytest.mark.usefixtures("one_of_each")
def test_every_secret_is_sealed_anew() -> None:
    before = all_sealed()
    assert {(model, name) for model, name, _ in before} == {
        (model.__name__, name) for model, name in sealed_fields()
    }
    said = rotate()
    after = all_sealed()
    assert after.keys() == before.keys()
    assert not {*before.values()} & {*after.values()}
    assert said == "Rotated; 4 rows were sealed anew.\n"


def test_after_it_everything_works(one_of_each: dict[str, Paired]) -> None:
    rotate()
    assert_all_work(one_of_each)


@pytest.mark.usefixtures("one_of_each")
def test_after_it_nothing_opens_with_the_old_keys(kek_file: Path) -> None:
    (old,) = DataKey.objects.all()
    sealer, old_kek = datakeys.sealer(old.pk), kek_file.read_text()
    rotate()
    (new,) = DataKey.objects.all()
    assert new.pk != old.pk
    assert len(kek_file.read_text().split()) == 1
    assert kek_file.read_text() != old_kek
    for row in Server.objects.all():
        with pytest.raises(ProtocolError, match="sealed_invalid"):
            sealer.open(row.sealed_key, row.vk_bytes + seals.SIGNING)
    datakeys.forget()
    with pytest.raises(KeyProviderError, match="gone"):
        datakeys.sealer(old.pk)


@pytest.mark.usefixtures("one_of_each")
def test_the_old_key_may_be_kept_for_the_backups_that_need_it(kek_file: Path) -> None:
    before = kek_file.read_text()
    rotate("--keep-old")
    assert kek_file.read_text().endswith(before)
    assert DataKey.objects.count() == 1


def test_a_wrong_response_is_still_known_and_not_counted_twice(
    one_of_each: dict[str, Paired],
) -> None:
    active = one_of_each["active"]
    statement = active.statement()
    wrong = active.wrong(statement)
    assert active.answer(statement, wrong).body["tries_left"] == 4
    rotate()
    assert active.answer(statement, wrong).body["tries_left"] == 4


class Crash(BaseException):
    """The end of the process, at some line."""


@contextmanager
def crashing_at_line(number: int) -> Iterator[list[int]]:
    """Raise at the n-th line that runs for the first time in the modules of the rotation."""
    files = {module.__file__ for module in (rotation, datakeys, environment, keyproviders)}
    seen: set[tuple[str, int]] = set()
    count = [0]

    def trace(frame: FrameType, event: str, _: object) -> Callable[..., Any] | None:
        if frame.f_code.co_filename not in files:
            return None
        line = (frame.f_code.co_filename, frame.f_lineno)
        # Python comes by a `with` once more before it leaves it: raising there would leave it
        # open, as no process that ends does.
        if event == "line" and line not in seen:
            seen.add(line)
            count[0] += 1
            if count[0] == number:
                raise Crash
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        yield count
    finally:
        sys.settrace(before)


def rotated() -> None:
    rotation.rotate_kek(now=datetime.now(UTC), report=lambda done, total: None)


def test_cut_off_at_any_line_it_is_finished_by_the_next(
    one_of_each: dict[str, Paired], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    with crashing_at_line(0) as lines:
        rotated()
    assert lines[0] > 100
    for line in range(1, lines[0] + 1):
        with pytest.raises(Crash), crashing_at_line(line):
            rotated()
        # Another process, which has nothing at hand.
        datakeys.forget()
        assert all(seals.server_key(server) for server in Server.objects.all())
        rotated()
        assert DataKey.objects.count() == 1
    assert_all_work(one_of_each)


def test_a_row_that_was_altered_is_named_and_the_rest_stays_usable(
    one_of_each: dict[str, Paired],
) -> None:
    issued = one_of_each["issued"]
    right = issued.row.sealed_key
    Server.objects.filter(vk=issued.vk).update(sealed_key=one_of_each["active"].row.sealed_key)
    with pytest.raises(CommandError, match=f"server {issued.vk} .* do not open"):
        rotate()
    active = one_of_each["active"]
    assert active.answer(active.statement()).body["accepted"] is True
    Server.objects.filter(vk=issued.vk).update(sealed_key=right)
    rotate()
    assert_all_work(one_of_each)


def test_a_second_rotation_goes_on_with_the_first(
    one_of_each: dict[str, Paired], kek_file: Path
) -> None:
    with pytest.raises(Crash):
        rotation.rotate_kek(now=datetime.now(UTC), report=crash)
    keys = kek_file.read_text().split()
    assert len(keys) == 2
    rotate()
    assert kek_file.read_text().split() == keys[:1]
    assert_all_work(one_of_each)


def crash(done: int, total: int) -> None:
    raise Crash


def test_of_two_that_begin_at_one_moment_one_is_told_so(
    one_of_each: dict[str, Paired], monkeypatch: pytest.MonkeyPatch
) -> None:
    make = datakeys.make

    def make_late(now: datetime) -> DataKey:
        key = make(now)
        # The other's commit, between our look and ours.
        DataKey.objects.update(is_current=False)
        make(now).save(force_insert=True)
        monkeypatch.setattr(DataKey.objects, "filter", lambda **_: DataKey.objects.none())
        return key

    monkeypatch.setattr(datakeys, "make", make_late)
    with pytest.raises(CommandError, match="Another rotation has begun"):
        rotate()


def test_a_key_in_the_environment_cannot_be_rotated(host: LocalHost) -> None:
    with pytest.raises(CommandError, match="AUTHSERVER_KEK_FILE"):
        rotate()
    assert DataKey.objects.count() == 1


def test_before_init_there_is_nothing_to_rotate(db: None) -> None:
    with pytest.raises(CommandError, match="no data key"):
        rotate()


def test_stopped_by_hand_it_says_how_to_go_on(
    host: LocalHost, kek_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rotation, "_reseal", lambda *_: interrupt())
    with pytest.raises(CommandError, match="Run it again"):
        rotate()


def interrupt() -> None:
    raise KeyboardInterrupt


@pytest.mark.django_db(transaction=True)
def test_a_key_is_fetched_with_no_row_held(
    kek_file: Path, host: LocalHost, bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    active = Paired.make(host, bank)
    active.activate()
    unwrap, asked = keyproviders.unwrap, []

    def unwrap_at_rest(kek: str, wrapped: bytes, key_id: uuid.UUID) -> bytes:
        asked.append(connection.in_atomic_block)
        return unwrap(kek, wrapped, key_id)

    monkeypatch.setattr(keyproviders, "unwrap", unwrap_at_rest)
    for _ in range(3):
        datakeys.forget()
        for _ in range(2):
            statement = active.statement(number=active.row.seq)
            assert active.answer(statement).body["accepted"] is True
    assert asked == [False, False, False]


def test_a_host_without_its_key_refuses_and_says_no_more(
    active: Paired, settings: Settings
) -> None:
    datakeys.forget()
    settings.AUTHSERVER_KEK = new_key()
    answer = active.answer(active.statement())
    assert (answer.status, answer.code) == (503, "not_ready")
    assert answer.body["detail"] == "The keys of this host cannot be had now."
    assert active.host.call("GET", "/readyz").status == 503
