"""Writes: hosts, and the life of the tokens paired there."""

from enrolment.services.events import fetch_events, rewind_events
from enrolment.services.forgetting import forget_names
from enrolment.services.hosts import (
    add_host,
    as_listed,
    end_host_key,
    ended_keys,
    refresh_host,
    refresh_hosts,
)
from enrolment.services.life import (
    change_state,
    mark_active,
    owe_unlock,
    unlock_token,
)
from enrolment.services.locks import lock_of, look_at_lock, note_lock, note_right, note_wrong
from enrolment.services.moving import client_of, move_token, tell_moves_again
from enrolment.services.owed import settle_owed
from enrolment.services.pairing import (
    Pairing,
    confirm_digits,
    rename_token,
    start_enrolment,
)
from enrolment.services.placing import change_host_state, change_weight
from enrolment.services.stock import assign_token, release_unclaimed
from enrolment.services.telling import tell

__all__ = [
    "Pairing",
    "add_host",
    "as_listed",
    "assign_token",
    "change_host_state",
    "change_state",
    "change_weight",
    "client_of",
    "confirm_digits",
    "end_host_key",
    "ended_keys",
    "fetch_events",
    "forget_names",
    "lock_of",
    "look_at_lock",
    "mark_active",
    "move_token",
    "note_lock",
    "note_right",
    "note_wrong",
    "owe_unlock",
    "refresh_host",
    "refresh_hosts",
    "release_unclaimed",
    "rename_token",
    "rewind_events",
    "settle_owed",
    "start_enrolment",
    "tell",
    "tell_moves_again",
    "unlock_token",
]
