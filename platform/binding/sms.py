"""Take SMS by which phones prove their numbers; named in the setting ``SMS_HANDLERS``."""

import re
from datetime import datetime

from binding.services.register import take_sent

# As answers to a registration tell the phone to send it; phones put spaces around, and people
# change the case.
_CODE = re.compile(r"\s*CS\s+([A-Z2-7]{16})\s*", re.IGNORECASE)


def take(sender: str, text: str, now: datetime) -> bool:
    """Take an SMS if it proves a number.

    Args:
        sender: E.164, as the SMS centre vouches for it.
        text: What it says.
        now: Timezone-aware.
    """
    code = _CODE.fullmatch(text)
    return code is not None and take_sent(sender=sender, code=code[1].upper(), now=now)
