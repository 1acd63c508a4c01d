"""Writes: notices to people, webhooks to programs, and SMS."""

from notices.services.letters import deliver_notices, forget_holder, hand_over, mark_read, notify
from notices.services.receipts import mail_receipt
from notices.services.sms import deliver_sms, forget_old_sms, send_sms, take_sms
from notices.services.webhooks import (
    add_endpoint,
    deliver_webhooks,
    endpoint_of,
    forget_old_messages,
    publish,
    remove_endpoint,
    renew_secret,
    resume_endpoint,
    send_test,
    sign,
)

__all__ = [
    "add_endpoint",
    "deliver_notices",
    "deliver_sms",
    "deliver_webhooks",
    "endpoint_of",
    "forget_holder",
    "forget_old_messages",
    "forget_old_sms",
    "hand_over",
    "mail_receipt",
    "mark_read",
    "notify",
    "publish",
    "remove_endpoint",
    "renew_secret",
    "resume_endpoint",
    "send_sms",
    "send_test",
    "sign",
    "take_sms",
]
