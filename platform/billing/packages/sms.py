"""Take SMS by which terminals ask to be charged; named in the setting ``SMS_HANDLERS``."""

from datetime import datetime

from billing.packages.services.receive import receive_sms


def take(sender: str, text: str, now: datetime) -> bool:
    """Take an SMS if it is a billing request.

    Args:
        sender: E.164, as the SMS centre vouches for it.
        text: What it says.
        now: Timezone-aware.
    """
    return receive_sms(sender, text, now)
