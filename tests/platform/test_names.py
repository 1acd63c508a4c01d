"""How rows are called in logs and on consoles: by public ids, never by a secret."""

from common.models import IdempotentRequest
from enrolment.models import AuthserverHost, Token
from notices.models import Notice
from tests.platform.world import Person, now, step_row


def test_rows_are_called_by_their_public_ids(anna: Person, host: AuthserverHost) -> None:
    step = anna.open()
    row = step_row(step)

    assert str(row) == f"{step['id'][:12]} (challenged)"
    assert str(row.transaction) == step["transaction"]
    assert str(anna.holder) == anna.account
    assert str(Token.objects.get(serial=anna.token.serial)) == anna.token.serial
    assert str(host) == "Local host"
    assert str(Notice(kind="expired", transaction="0" * 16)) == f"expired {'0' * 16}"
    assert str(IdempotentRequest(pk=5, claimed_at=now())) == "request 5 (running)"
