"""Write operations on holders, their keys and their organisations: one module per subject."""

from accounts.services.holders import (
    allow_sign_in,
    appoint_auditor,
    ask_for_token,
    checked_name,
    choose_language,
    forget_token,
    holder_for,
    optional_name,
    rename_holder,
    stop_asking_token,
)
from accounts.services.keys import (
    create_api_key,
    create_client_key,
    revoke_api_key,
    revoke_client_key,
)
from accounts.services.leaving import erase_holder, start_leaving
from accounts.services.organisations import (
    accept_invitation,
    change_role,
    create_organisation,
    decline_invitation,
    invite_member,
    leave_organisation,
    let_programs,
    owned,
    remove_member,
    rename_organisation,
    withdraw_invitation,
)
from accounts.services.telling import tell_holder

__all__ = [
    "accept_invitation",
    "allow_sign_in",
    "appoint_auditor",
    "ask_for_token",
    "change_role",
    "checked_name",
    "choose_language",
    "create_api_key",
    "create_client_key",
    "create_organisation",
    "decline_invitation",
    "erase_holder",
    "forget_token",
    "holder_for",
    "invite_member",
    "leave_organisation",
    "let_programs",
    "optional_name",
    "owned",
    "remove_member",
    "rename_holder",
    "rename_organisation",
    "revoke_api_key",
    "revoke_client_key",
    "start_leaving",
    "stop_asking_token",
    "tell_holder",
    "withdraw_invitation",
]
