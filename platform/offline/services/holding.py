"""What holders do with their clients that takes more than one step."""

from datetime import datetime
from typing import TYPE_CHECKING

from billing.ledger.services import check_payment_password
from offline.errors import ClientStateError
from offline.selectors import may_resume, visible_authorization
from offline.services.clients import resume_client
from transactions.services import share_message

if TYPE_CHECKING:
    from accounts.models import Holder
    from offline.models import Client


def resume_by_holder(*, client: "Client", payment_password: str, now: datetime) -> None:
    """Let a client that its holder stopped go on: whoever found the phone knows no password.

    Raises:
        ClientStateError: it is not suspended, or an operator has to decide.
        And as :func:`billing.ledger.services.check_payment_password`.
    """
    if not may_resume(client):
        raise ClientStateError
    holder = client.device.holder
    check_payment_password(holder=holder, password=payment_password, now=now)
    resume_client(client=client, actor=holder.actor, now=now)


def share_receipt(*, serial: bytes, holder: "Holder", email: str, now: datetime) -> None:
    """Send the link of an approval's receipt to an e-mail address, for either side.

    Raises:
        NotFoundError: there is none for the holder to see.
        And as :func:`transactions.services.share_message`.
    """
    found = visible_authorization(holder, serial)
    share_message(holder=holder, receipt=found.receipt, email=email, now=now)
