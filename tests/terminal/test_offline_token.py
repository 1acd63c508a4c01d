"""The token in the same pocket answers a step's statement, and only the one that was asked for."""

from pathlib import Path
from typing import Any

import pytest

from protocol import qrtext
from protocol.errors import ProtocolError
from protocol.qrtext import Link
from terminal.errors import TerminalError
from terminal.offline.token import respond
from tests.tokens.world import COUNTER_SUITE, NOW, FakeHost, FakePlatform
from tokens.errors import RefusedError
from tokens.simulator import Shown
from tokens.store import Contents, TokenFile

PLATFORM = FakePlatform()
HOST = FakeHost(PLATFORM)
TOKEN = HOST.enrol()
STATEMENT = PLATFORM.statement(TOKEN)
BUNDLE = qrtext.decode(PLATFORM.challenge(STATEMENT), Link.BUNDLE)[1]
STEP = STATEMENT.digest[:8]


@pytest.fixture
def file(tmp_path: Path) -> TokenFile:
    """The holder's file with one token."""
    return kept(tmp_path, TOKEN)


def kept(folder: Path, *tokens: Any) -> TokenFile:
    made = TokenFile(folder / "tokens", lambda: "passphrase")
    with made.locked():
        made.save(Contents(tokens=tokens))
    return made


def answered(file: TokenFile, bundle: bytes = BUNDLE, step: bytes = STEP) -> str:
    return respond(file, bundle, step=step, agrees=lambda _: True, now=NOW)


def test_it_answers_what_the_holder_was_shown_and_agreed_to(file: TokenFile) -> None:
    seen: list[Shown] = []

    def agrees(shown: Shown) -> bool:
        seen.append(shown)
        return True

    response = respond(file, BUNDLE, step=STEP, agrees=agrees, now=NOW)
    assert [shown.statement for shown in seen] == [STATEMENT]
    assert response == TOKEN.respond(seen[0], NOW)


def test_a_holder_who_declines_answers_nothing(file: TokenFile) -> None:
    with pytest.raises(TerminalError) as refused:
        respond(file, BUNDLE, step=STEP, agrees=lambda _: False, now=NOW)
    assert refused.value.code == "declined"


def test_the_challenge_of_another_step_is_not_even_shown(file: TokenFile) -> None:
    with pytest.raises(TerminalError) as refused:
        respond(file, BUNDLE, step=bytes(8), agrees=lambda _: pytest.fail("shown"), now=NOW)
    assert refused.value.code == "tbs_mismatch"


def test_a_challenge_that_was_changed_on_the_way_is_refused(file: TokenFile) -> None:
    for place in range(0, len(BUNDLE), 7):
        changed = BUNDLE[:place] + bytes([BUNDLE[place] ^ 1]) + BUNDLE[place + 1 :]
        with pytest.raises((ProtocolError, RefusedError)):
            answered(file, changed)


def test_a_statement_for_a_token_that_is_not_here_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RefusedError) as refused:
        answered(kept(tmp_path))
    assert refused.value.code == "token_unknown"


def test_a_token_that_counts_never_uses_a_number_twice(tmp_path: Path) -> None:
    token = FakeHost(PLATFORM).enrol(suite=COUNTER_SUITE)
    file = kept(tmp_path, token)
    statement = PLATFORM.statement(token)
    bundle = qrtext.decode(PLATFORM.challenge(statement), Link.BUNDLE)[1]
    step = statement.digest[:8]
    assert answered(file, bundle, step) != answered(file, bundle, step)
    assert file.load().tokens[0].counter == token.counter + 2
