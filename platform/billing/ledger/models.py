"""Accounts, journals and entries; payments over them; who may spend, and how much."""

from django.db import models
from django.db.models import F, Q

from common.ids import new_uid


class LedgerAccount(models.Model):
    """One owner's money of one kind and currency, in minor units."""

    class Kind(models.TextChoices):
        """What the money is; ``provider`` is the world outside, and alone may be negative."""

        WALLET = "wallet"
        EARNINGS = "earnings"
        HELD = "held"
        PROVIDER = "provider"

    holder = models.ForeignKey(
        "accounts.Holder", models.PROTECT, null=True, related_name="+", help_text="Null: nobody's."
    )
    kind = models.CharField(max_length=8, choices=Kind)
    currency = models.CharField(max_length=3, help_text="ISO 4217.")
    balance = models.BigIntegerField(default=0, help_text="Sum of the entries.")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["holder", "kind", "currency"], name="ledger_account_once"
            ),
            models.UniqueConstraint(
                fields=["kind", "currency"],
                condition=Q(holder=None),
                name="ledger_account_of_nobody_once",
            ),
            models.CheckConstraint(
                condition=Q(kind="provider") | Q(balance__gte=0), name="ledger_never_below_zero"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk} {self.currency}"


class Journal(models.Model):
    """One booking; its entries sum to zero in each currency.  Never changed or deleted."""

    class Kind(models.TextChoices):
        """Why money moved."""

        TOP_UP = "top_up"
        PAYOUT = "payout"
        HOLD = "hold"
        RELEASE = "release"
        CAPTURE = "capture"
        REFUND = "refund"
        # A payout that the provider could not make.
        RETURNED = "returned"

    idempotency_key = models.CharField(max_length=80, unique=True)
    kind = models.CharField(max_length=8, choices=Kind)
    reference = models.CharField(
        max_length=16, db_index=True, help_text="Public id of the payment or movement."
    )
    at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"


class Entry(models.Model):
    """One line of a journal.  Never changed or deleted."""

    journal = models.ForeignKey(Journal, models.PROTECT, related_name="entries")
    account = models.ForeignKey(LedgerAccount, models.PROTECT, related_name="entries")
    amount = models.BigIntegerField(help_text="Minor units; above zero comes in.")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=~Q(amount=0), name="entry_is_not_zero"),
            models.UniqueConstraint(fields=["journal", "account"], name="entry_once_a_journal"),
        ]
        indexes = [models.Index(fields=["account", "-id"], name="entry_statement")]

    def __str__(self) -> str:
        return f"entry {self.pk}"


class Payment(models.Model):
    """Money of one holder for another: held, then captured or released; refunds never pass it."""

    class State(models.TextChoices):
        """Where the money is."""

        HELD = "held"
        CAPTURED = "captured"
        RELEASED = "released"

    uid = models.BinaryField(max_length=8, unique=True, default=new_uid)
    payer = models.ForeignKey("accounts.Holder", models.PROTECT, related_name="+")
    payee = models.ForeignKey("accounts.Holder", models.PROTECT, related_name="+")
    currency = models.CharField(max_length=3)
    amount = models.BigIntegerField()
    refunded = models.BigIntegerField(default=0)
    state = models.CharField(max_length=8, choices=State)
    reference = models.CharField(max_length=40, help_text="Public id of what is paid.")
    created_at = models.DateTimeField()
    captured_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(amount__gt=0, refunded__gte=0, refunded__lte=F("amount")),
                name="payment_refunds_fit",
            ),
            models.CheckConstraint(
                condition=Q(state="captured") | Q(refunded=0),
                name="payment_refunds_what_was_captured",
            ),
        ]
        indexes = [
            models.Index(fields=["payer", "-id"], name="payment_of_payer"),
            models.Index(fields=["payee", "-id"], name="payment_of_payee"),
        ]

    def __str__(self) -> str:
        return f"payment {bytes(self.uid).hex()}"


class Movement(models.Model):
    """Money coming from or going to the world outside, by a provider: top-up or payout."""

    class Direction(models.TextChoices):
        """Seen from the wallet."""

        IN = "in"
        OUT = "out"

    class State(models.TextChoices):
        """What the provider said."""

        PENDING = "pending"
        DONE = "done"
        FAILED = "failed"

    uid = models.BinaryField(max_length=8, unique=True, default=new_uid)
    idempotency_key = models.CharField(max_length=80, unique=True)
    holder = models.ForeignKey("accounts.Holder", models.PROTECT, related_name="+")
    direction = models.CharField(max_length=3, choices=Direction)
    currency = models.CharField(max_length=3)
    amount = models.BigIntegerField()
    provider = models.CharField(max_length=20)
    provider_reference = models.CharField(max_length=80, help_text="Its own id; ours until then.")
    state = models.CharField(max_length=7, choices=State)
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="movement_is_above_zero"),
            models.UniqueConstraint(
                fields=["provider", "provider_reference"], name="movement_once_at_the_provider"
            ),
        ]
        indexes = [
            models.Index(fields=["id"], condition=Q(state="pending"), name="movement_pending")
        ]

    def __str__(self) -> str:
        return f"{self.direction} {bytes(self.uid).hex()}"


class Wallet(models.Model):
    """How a holder spends: the payment password, with its own lock, and whether it is frozen."""

    holder = models.OneToOneField("accounts.Holder", models.PROTECT, related_name="+")
    password = models.CharField(max_length=128, blank=True, help_text="Argon2id; empty: not set.")
    password_set_at = models.DateTimeField(null=True)
    failures = models.PositiveSmallIntegerField(default=0, help_text="Wrong ones in a row.")
    lock_level = models.PositiveSmallIntegerField(default=0)
    locked_until = models.DateTimeField(null=True)
    frozen_at = models.DateTimeField(null=True, help_text="Nothing is paid from it nor used.")

    def __str__(self) -> str:
        return f"wallet of {self.holder_id}"


class Spending(models.Model):
    """How much a holder spent in a day or a month (UTC), within a scope."""

    holder = models.ForeignKey("accounts.Holder", models.PROTECT, related_name="+")
    currency = models.CharField(max_length=3)
    scope = models.CharField(max_length=24, help_text="What counts together.")
    period = models.CharField(max_length=10, help_text="2026-11-22, or 2026-11.")
    spent = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["holder", "currency", "scope", "period"], name="spending_once"
            ),
            models.CheckConstraint(condition=Q(spent__gte=0), name="spending_from_zero"),
        ]

    def __str__(self) -> str:
        return f"spending {self.pk}"


class Cap(models.Model):
    """How much a holder lets be spent within a scope, at most."""

    holder = models.ForeignKey("accounts.Holder", models.PROTECT, related_name="+")
    currency = models.CharField(max_length=3)
    scope = models.CharField(max_length=24, help_text="As in spendings.")
    day = models.BigIntegerField()
    month = models.BigIntegerField()
    # What was raised holds from a later time on, so that whoever takes a phone gains nothing.
    next_day = models.BigIntegerField(null=True)
    next_month = models.BigIntegerField(null=True)
    next_from = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["holder", "currency", "scope"], name="cap_once"),
            models.CheckConstraint(condition=Q(day__gte=0, month__gte=0), name="cap_from_zero"),
        ]

    def __str__(self) -> str:
        return f"cap {self.pk}"
