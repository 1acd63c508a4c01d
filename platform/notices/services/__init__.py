"""Writes: notices to people, and webhooks to programs."""

from notices.services.letters import deliver_notices, forget_holder, hand_over, mark_read, notify
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
)

__all__ = [
    "add_endpoint",
    "deliver_notices",
    "deliver_webhooks",
    "endpoint_of",
    "forget_holder",
    "forget_old_messages",
    "hand_over",
    "mark_read",
    "notify",
    "publish",
    "remove_endpoint",
    "renew_secret",
    "resume_endpoint",
    "send_test",
]
