"""What pages say for each stable code: what happened, and what to do next."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

_UNKNOWN = _("This is not possible just now. Go back and look at how things stand.")
_SENTENCES: dict[str, Promise] = {
    # Webhooks.
    "webhook_url_invalid": _(
        "A webhook goes to an https address with a public name, at most 400 characters."
    ),
    "webhook_known": _("There is a webhook to this address already."),
    "too_many_webhooks": _("You have ten webhooks already. Remove one first."),
    # Answering a challenge.
    "challenge_expired": _("Nobody answered in time. Nothing was signed. Start this step again."),
    "challenge_void": _(
        "This step was ended without a signature, or its content was changed. Nothing was signed. "
        "Start it again."
    ),
    "response_wrong": _("These digits are not right. Look at your token and type them again."),
    "response_malformed": _(
        "Type exactly the digits that your token shows, with 0 to 9 and nothing else. No try was "
        "used up."
    ),
    "response_replayed": _(
        "This step is signed already, by other digits. Nothing is left to do here."
    ),
    "kind_refused": _(
        "Your token does not answer this here. It may be active already: look at your tokens."
    ),
    "statement_invalid": _(
        "The authentication server did not understand this step. Nothing was signed. Tell the "
        "operator."
    ),
    "server_unknown": _(
        "The authentication server does not know this token. Nothing was signed. Tell the "
        "operator."
    ),
    "question_reused": _("Your token answered this question before. Start this step again."),
    "token_locked": _(
        "Your token is locked, because wrong digits were typed too often. Nothing was signed. "
        "Wait until it unlocks, unlock it under “Tokens”, or use another token."
    ),
    "token_not_active": _(
        "This token cannot answer now: it is not activated, suspended or revoked. Look at your "
        "tokens."
    ),
    "token_not_paired": _("This token is not one of yours. Choose one of your tokens."),
    "wrong_authserver": _(
        "This token belongs to another authentication server. Choose the token you were asked for."
    ),
    "authserver_unavailable": _(
        "The authentication server cannot be reached just now. Nothing is lost and no try was "
        "used up. Try again in a moment."
    ),
    "host_rolled_back": _(
        "The authentication server was restored from a backup and is not ready yet. Nothing is "
        "lost. Try again later."
    ),
    "sign_in_used": _(
        "This answer of your token lets nobody in any more. Let your token answer once more."
    ),
    "token_required": _("Everybody who has a token is asked for it here, when signing in."),
    "too_many_challenges": _(
        "This token has as many open steps as it may have, or ten within the hour. Answer or "
        "cancel one of them, or wait."
    ),
    # Continuing a transaction.
    "receipt_not_ours": _(
        "This is not a receipt of this platform, so it cannot be continued here. Scan the QR code "
        "of a receipt that was made here."
    ),
    "previous_step_forgotten": _(
        "This site was restored from a backup and has forgotten what this receipt builds on. Show "
        "the receipt of the step before it first."
    ),
    "receipt_signature_invalid": _(
        "Something in this receipt was changed after it was signed. Do not trust it. Ask for the "
        "original."
    ),
    "previous_content_changed": _(
        "This receipt does not say what was signed. Do not trust it. Ask for the original."
    ),
    "previous_step_unsigned": _(
        "The step on this receipt was refused. Only a signed step can be continued. Ask whoever "
        "gave it to you to start again."
    ),
    "not_to_be_continued": _(
        "This is the receipt of a test, of a sign-in, or of a token. Nothing was agreed in it, so "
        "no step can follow."
    ),
    "chain_broken": _(
        "The steps of this transaction do not hold together. Do not trust it, and tell the "
        "operator."
    ),
    "chain_head_moved": _(
        "Somebody else has continued this transaction first. Look at it again, and scan the "
        "newest receipt."
    ),
    "not_your_turn": _(
        "Somebody else continues this transaction: another party is invited, or you signed the "
        "step before, or left two steps here unanswered."
    ),
    "transaction_closed": _("This transaction takes no further steps."),
    "receipt_invalid": _(
        "What is stored of this receipt does not verify any more, so it is not shown. The "
        "operator was told."
    ),
    "fonts_missing": _(
        "No PDF can be drawn here, since the server lacks a font. Take the picture instead, and "
        "tell the operator."
    ),
    "image_unreadable": _(
        "There is no QR code to be read in this picture. Take it closer, straight on and in good "
        "light."
    ),
    # What the policy forbids.
    "kind_not_allowed": _(
        "This token may not sign this, because it does not show what is signed. Choose a token "
        "that does."
    ),
    "amount_above_limit": _(
        "This is more than may be signed with a token that does not show what is signed. Choose "
        "a token that does, or a smaller amount."
    ),
    "lifetime_above_limit": _("An answer may not take that long here. Choose a shorter time."),
    "suite_not_allowed": _("Tokens of this sort are not used here. Choose another one."),
    "self_assignment_off": _("Tokens from stock are given out by an operator here. Ask for one."),
    "policy_changed": _(
        "Somebody else changed the policy meanwhile, so yours was not saved. Look at what stands "
        "now, then change it again."
    ),
    # What two operators have to agree to.
    "approval_waits": _("This waits for a second operator already."),
    "approval_closed": _(
        "This does not wait for a decision any more: it was decided, withdrawn, or nobody decided "
        "within a day."
    ),
    "own_approval": _("You asked for this yourself, so somebody else has to decide."),
    "second_operator_missing": _(
        "There is no second operator, so nothing could ever be approved. Make another operator "
        "first."
    ),
    "interrupted": _(
        "It was approved, but cut off while it was being done. Look at how things stand, then ask "
        "again if need be."
    ),
    # What was typed into a form.
    "number_invalid": _(
        "This is no phone number. Write it with its country, such as +44 7700 900123."
    ),
    "field_missing": _("Something is missing here."),
    "value_out_of_range": _("This is not among the values that are allowed."),
    "type_wrong": _("This is not of the right kind."),
    "currency_unknown": _("This currency is not known."),
    "text_empty": _("This must not be empty."),
    "text_refused": _("This holds a character that cannot be signed."),
    "text_too_long": _("This is too long to be signed."),
    "statement_too_large": _("All texts together do not fit on a QR code. Shorten them."),
    "holder_unknown": _("Nobody here has this account number. Ask the other person for theirs."),
    # Tokens.
    "serial_unknown": _(
        "There is no token of this serial to be had. Look at it again, letter by letter. If it is "
        "right, ask whoever gave you the token."
    ),
    "too_many_serials": _(
        "Activate the tokens that you have taken first. If you typed many serials that nobody "
        "knows, wait an hour."
    ),
    "token_signs_in_only": _(
        "This token shows codes that belong to nothing, so it can only sign you in. Choose "
        "another one."
    ),
    "nothing_to_resynchronise": _(
        "This token has neither a clock nor a counter, so it cannot run away."
    ),
    "only_host_unlocks": _(
        "This token was unlocked within 30 days already. Now only the operator of its "
        "authentication server can do so. You can replace it."
    ),
    "proof_given": _(
        "The server has answered other digits for this step before, and does so once. Start the "
        "step again."
    ),
    "digits_wrong": _(
        "These are not the eight digits of your token. If the page of the authentication server "
        "shows other digits than your token, stop: someone may be in between."
    ),
    "enrolment_void": _(
        "The digits were wrong three times, so this token was given up. Enrol it anew."
    ),
    "state_conflict": _(
        "Your token has not answered yet. Scan the code with it first, then type its digits. If "
        "the page of the authentication server says that the enrolment was stopped, begin again."
    ),
    "suite_invalid": _("This is not a suite."),
    "suite_refused": _("Tokens with this suite are too weak to be used here."),
    "host_in_use": _(
        "Tokens still live at this host, or it is not giving them up. Move them first, then close "
        "it."
    ),
    "host_untrusted": _(
        "The two hosts do not trust each other yet. Their operators run “trust_host” at both."
    ),
    "package_invalid": _(
        "What one host handed over to the other is not in order. Nothing was lost: tell the "
        "operator."
    ),
    "offer_invalid": _(
        "The other host did not say well where the token may go. Tell the operator."
    ),
    "server_moved": _("The token's server has moved to another host. Try again."),
    "no_host": _("No authentication server takes new tokens just now. Try again later."),
    # Organisations, and leaving.
    "not_yours_to_manage": _("Your role in this organisation does not allow this. Ask an owner."),
    "client_not_allowed": _("A key of an organisation is for transactions and receipts alone."),
    "not_represented": _("This person does not let programs of the organisation act."),
    "two_persons_needed": _(
        "Here two operators of the platform have to agree to this. Ask one of them."
    ),
    "last_owner": _("You are its only owner. Make somebody else an owner first."),
    "already_invited": _("This address is invited already, or belongs to a member."),
    "too_many": _("There are too many of these already."),
    "holder_left": _("This account is being deleted, and nothing brings it back."),
    "not_free_to_leave": _("Something is still open. End it first, then delete your account."),
    # Money.
    "funds_insufficient": _("There is not enough money for this. Nothing was paid."),
    "amount_invalid": _("The amount must be above zero, and not larger than a quadrillion."),
    "own_payee": _("You cannot pay to yourself."),
    "ledger_key_reused": _("This was sent with other figures before. Load the page again."),
    "payment_not_held": _("This payment has ended already."),
    "payment_not_captured": _("Nothing was paid here that could be given back."),
    "refund_exceeds": _("No more can be given back than was paid."),
    "not_the_payee": _("Only who was paid can give the money back."),
    "account_frozen": _(
        "This account is frozen, so nothing is paid from it nor opened with it. Ask the operator."
    ),
    "paypass_not_set": _("Set a payment password first, under “Wallet”."),
    "paypass_wrong": _("This is not your payment password. After five wrong ones it is locked."),
    "paypass_locked": _(
        "The payment password was wrong too often, so it is locked for a while. Wait, or set a "
        "new one under “Wallet”."
    ),
    "paypass_weak": _(
        "This is too easy to guess, or too long. Take 6 to 64 characters that are no row such as "
        "123456, and no word that many people use."
    ),
    # The shop.
    "offer_ended": _("This is not sold any more at this price. Look what else there is."),
    "already_owned": _("You have this already, or a purchase of it waits for your token."),
    "own_resource": _("This is your own. You need not buy it."),
    "purchase_key_reused": _("This was sent for something else before. Load the page again."),
    "purchase_not_pending": _("This purchase is paid, or has ended already."),
    "purchase_not_paid": _("This purchase is not paid, so there is nothing to give back."),
    "refund_too_late": _(
        "The time to ask for the money back is over. The developer can still give it back."
    ),
    "refund_not_asked": _("Nobody asks for this money, or it was given back already."),
    "refund_refused": _("The developer has refused to give the money back. Ask the operator."),
    "resource_withdrawn": _(
        "The developer has withdrawn this for good, so nobody uses it any more. Whoever bought it "
        "can ask for the money back."
    ),
    "resource_incomplete": _("Add a file and a price first. Then it can go into the shop."),
    "entitlement_state_wrong": _("It does not stand as it did any more. Look how it stands now."),
    "upload_too_large": _("This file is too large."),
    "upload_empty": _("Choose a file that is not empty."),
    "version_moved": _("Another version was added at the same moment. Send the file again."),
    "file_unavailable": _("The file cannot be read just now. Try again later."),
    "field_unexpected": _("One of the fields does not go with what you chose."),
    # Operators.
    "own_sign_in": _("You cannot suspend your own sign-in. Another operator can."),
    "step_not_due": _(
        "This step still has time, so there is nothing to settle. Wait for its end."
    ),
    # The site itself.
    "idempotency_in_progress": _(
        "You sent this already, and it is still being worked on. Reload this page in a moment."
    ),
    "receipt_not_logged": _(
        "This receipt is not in the log. A new one enters it within a minute."
    ),
    "log_empty": _("The log is empty: nothing was signed yet."),
    "log_size_unknown": _("The log never had that size, or has not got it yet."),
    "log_broken": _(
        "What is stored of the log is not what was signed of it. Receipts are still verified "
        "without it; an operator has to look."
    ),
    "not_found": _("There is nothing here, or it is not yours to see."),
    "forbidden": _("This page is not for you."),
    "not_authenticated": _("Sign in first."),
    "request_malformed": _("The page did not understand this. Go back and try again."),
    "method_not_allowed": _("The page did not understand this. Go back and try again."),
    "too_large": _("This is too large: one megabyte is the limit."),
    "too_many_requests": _(
        "You tried too often in a short time. Wait a few minutes, then try again."
    ),
    # Phones.
    "permit_required": _(
        "This is allowed only with a bound phone. Confirm it with your phone, which gives leave "
        "for one minute, then send this again."
    ),
    "binding_state_wrong": _(
        "This phone does not stand as it did any more. Look at how it stands now."
    ),
    "binding_suspended": _(
        "This phone was stopped by the carrier's word or by an operator, so only an operator can "
        "let it go on."
    ),
    "already_bound": _(
        "Its chip, SIM or number is bound to another phone meanwhile. Nothing was changed."
    ),
    "cooling_off": _(
        "It is not 24 hours yet. Until then only the phone that it replaces can agree."
    ),
    "chip_list_invalid": _("The list was not taken in: a line in it is wrong."),
    "session_lost": _(
        "Your session ended meanwhile, or cookies are off. Nothing was sent. Go back, load the "
        "page again and repeat."
    ),
    "database_unavailable": _("The site cannot reach its database. Nothing is lost. Try again."),
    "keys_unreadable": _(
        "The site's keys are sealed under another key-encryption key than the one that is set."
    ),
    # What programs of terminals and phones are told; pages say it where they tell a story.
    "not_paid": _("This has to be paid for first."),
    "entitlement_expired": _("What was paid for is over, or used up."),
    "entitlement_refunded": _(
        "The money for this was given back, so it has to be paid for again."
    ),
    "entitlement_closed": _("An operator has closed this. Ask the support of this site."),
    "unknown_resource": _("There is no such resource, or the file is no true copy of it."),
    "identity_incomplete": _("The request names another account than that of the device."),
    "device_limit": _("This is in use on as many devices as it may be. Remove one of them first."),
    "rnonce_used": _("This request was made before. Make a new one."),
    "status_code_invalid": _("This status code is not valid here."),
    "status_code_expired": _("This status code has expired. Try again."),
    "status_code_used": _("This status code was used before. Try again."),
    "range_unsatisfiable": _("The file ends before the part that was asked for."),
    "rate_limited": _("That was too often. Wait a while, then try again."),
    "device_proof_invalid": _(
        "The device did not prove itself. Try again; if its clock is wrong, set it."
    ),
    "device_code_invalid": _("This code adds no device. Make a new one; it lives ten minutes."),
    "device_known": _("This device is known already."),
    "too_many_devices": _("You have twenty devices already. Remove one first."),
    "not_bound": _("This phone is not bound. Register it first."),
    "binding_refused": _("This is not the phone, SIM and number that are bound."),
    "no_sim": _("There is no SIM in this phone."),
    "reg_number_mismatch": _("What was typed is not the number of the SIM in this phone."),
    "chip_proof_invalid": _("The security chip did not prove itself."),
    "chip_counter_replay": _("The security chip has said this before."),
    "sim_recently_swapped": _("The SIM of this number was swapped a short while ago."),
    "carrier_unavailable": _("The phone company cannot be asked just now. Try again."),
    "sms_code_wrong": _("This is not the code that was sent."),
    "sms_code_expired": _("This code is over. Ask for a new one, or begin again."),
    "recipient_not_bound": _("Nobody has bound a phone with this number."),
    "message_invalid": _("This message was not written by this phone's chip to that number."),
    # Applications that bill.
    "rule_invalid": _(
        "This cannot be a rule. Choose a level or a way of confirming; items and amounts need the "
        "application that they belong to, and an amount is more than nothing."
    ),
    "rule_ended": _("This rule is not in force any more. Look at the list again."),
    "terminal_not_raised": _(
        "This terminal is not held to High, or it was raised again since somebody asked to lower "
        "it. Look at its signals."
    ),
    "package_unknown": _("There is no such application, or no such build of it."),
    "build_revoked": _(
        "This build of the application was revoked and bills no more. Download the newest one."
    ),
    "decrypt_failed": _("This billing request cannot be opened. Nothing was charged."),
    "request_incomplete": _("This billing request lacks a part. Nothing was charged."),
    "terminal_unknown": _("This terminal is not registered for billing. Register it first."),
    "nonce_reused": _("This billing request was made before. It is charged once at most."),
    "integrity_refused": _(
        "The application was changed, or cannot show that it was not. Nothing was charged. "
        "Download it anew."
    ),
    "item_unknown": _("This build of the application sells no such item."),
    "amount_mismatch": _("This is not the price of the item. Nothing was charged."),
    "consent_missing": _("Nothing is charged without your consent."),
    "sender_mismatch": _(
        "This message does not come from the number that is bound to the terminal. Nothing was "
        "charged."
    ),
    "cap_exceeded": _(
        "This would pass a limit of what applications may charge. Nothing was charged. You can "
        "see and raise your own limits under “Charges”."
    ),
    "strategy_unavailable": _("This way of confirming is not possible here. Choose another."),
    "online_required": _("Only the application itself can confirm this, when it is on-line."),
    "request_closed": _("This has ended already. Look at how it stands."),
    "request_expired": _("The time to confirm this is over. Nothing was charged."),
    "captcha_wrong": _("This is not what the image shows. Each image is good for one try."),
    "passkey_wrong": _("None of your passkeys confirmed this. Try again, or choose another way."),
    "attestation_refused": _("The maker of the device does not vouch for this application."),
    "attestation_unavailable": _(
        "The maker of the device cannot be asked just now. Try again in a moment."
    ),
    "attestation_unsupported": _("This site does not ask this maker about this application."),
    "charge_not_captured": _("Nothing was charged, or it was paid back already."),
    "dispute_too_late": _("A charge can be disputed for 60 days. Ask the operator."),
    "dispute_known": _("You have disputed this charge before. Look at what was answered."),
    "dispute_closed": _("This dispute was answered already, or there is none."),
    # Phones without a network.
    "unknown_client": _(
        "This phone does not authorize without a network: it is not set up, or was stopped. "
        "Nothing was opened or paid."
    ),
    "serial_reused": _("This was used before. Ask again with the phone."),
    "serial_stale": _(
        "This is too old, or the clock of the phone is more than two minutes off. Ask again."
    ),
    "service_denied": _("This is not there for this phone, or not at this device."),
    "limit_exceeded": _(
        "This would pass a limit of the phone. Nothing was paid. Its holder sees and sets the "
        "limits on-line."
    ),
    "tbs_expired": _("The time to confirm is over. Nothing was opened or paid. Ask again."),
    "countersign_invalid": _(
        "The phone did not confirm this, or the offline password was wrong. Nothing was opened or "
        "paid."
    ),
    "level_required": _("This takes the offline password. Ask again with it."),
    "offline_password_locked": _(
        "The offline password was wrong five times. Unlock it on-line, with the payment password."
    ),
    "offline_password_not_set": _("This takes the offline password. Set one on-line first."),
    "offline_password_weak": _(
        "Choose 6 to 64 characters that nobody guesses, and neither the password of your sign-in "
        "nor the payment password."
    ),
    "authorization_waits": _("This is being looked at. Nothing is lost. Ask again in a moment."),
    "device_not_trusted": _("This device stands at no service. Its owner has to set it up."),
    "service_ended": _("This service has ended. Offer another one."),
    "service_unknown": _("There is no such service here."),
    "client_unknown": _("There is no such phone here."),
    "account_unknown": _("Nobody here has this account number. Ask for it again."),
    "relay_elsewhere": _("This device stands at another service. Take it away there first."),
    "client_state_wrong": _("This is not possible as the phone stands. Look at how it stands."),
    "keys_missing": _("The site has no keys yet. An operator has to make them."),
    "internal_error": _("Something went wrong here, and it was noted. It is safe to try again."),
}


def is_told(code: str) -> bool:
    """Tell whether there is a sentence for a code, better than the general one."""
    return code in _SENTENCES


def sentence(code: str, excess: int = 0) -> str:
    """Return the sentence of a code, in the reader's language.

    Args:
        code: Stable; an unknown one gets a general sentence.
        excess: By how many bytes something is too long, where that is known.
    """
    if excess and code == "text_too_long":
        return ngettext(
            "This is %(excess)d byte too long to be signed. A Chinese character has three bytes.",
            "This is %(excess)d bytes too long to be signed. A Chinese character has three bytes.",
            excess,
        ) % {"excess": excess}
    if excess and code == "statement_too_large":
        return ngettext(
            "All texts together are %(excess)d byte too long for a QR code. Shorten them.",
            "All texts together are %(excess)d bytes too long for a QR code. Shorten them.",
            excess,
        ) % {"excess": excess}
    return str(_SENTENCES.get(code, _UNKNOWN))
