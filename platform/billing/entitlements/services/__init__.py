"""Write operations of the shop: one module per use case."""

from billing.entitlements.services.authorize import authorize
from billing.entitlements.services.buying import buy, cancel_purchase
from billing.entitlements.services.refund import (
    ask_refund,
    grant_refund,
    refund_as_operator,
    refuse_refund,
)
from billing.entitlements.services.resources import (
    add_offer,
    edit_resource,
    end_offer,
    list_resource,
    publish_resource,
    unlist_resource,
    withdraw_resource,
)
from billing.entitlements.services.settle import conclude_step, settle_purchases
from billing.entitlements.services.standing import (
    expire_entitlements,
    resume_entitlement,
    revoke_entitlement,
    suspend_entitlement,
)
from billing.entitlements.services.verify import expire_codes, verify
from billing.entitlements.services.versions import add_version, check_size, withdraw_version

__all__ = [
    "add_offer",
    "add_version",
    "ask_refund",
    "authorize",
    "buy",
    "cancel_purchase",
    "check_size",
    "conclude_step",
    "edit_resource",
    "end_offer",
    "expire_codes",
    "expire_entitlements",
    "grant_refund",
    "list_resource",
    "publish_resource",
    "refund_as_operator",
    "refuse_refund",
    "resume_entitlement",
    "revoke_entitlement",
    "settle_purchases",
    "suspend_entitlement",
    "unlist_resource",
    "verify",
    "withdraw_resource",
    "withdraw_version",
]
