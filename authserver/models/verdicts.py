"""What a server decided, and what happened to it."""

from django.db import models

from authserver.models.fields import BytesField
from authserver.models.servers import Server


class Verdict(models.Model):
    """A terminal verdict: one for each server and statement, hash-linked in sequence."""

    server = models.ForeignKey(Server, on_delete=models.PROTECT, db_index=False)
    s = BytesField(max_length=32, help_text="S of the statement.")
    seq = models.PositiveBigIntegerField()
    reason = models.PositiveSmallIntegerField()
    message = BytesField(help_text="COSE cs-verdict, as signed.")
    # Null, not empty: UNIQUE lets nulls stand beside each other.
    question = models.CharField(  # noqa: DJ001
        max_length=128, null=True, help_text="Null when another statement has used it up."
    )
    time_step = models.PositiveBigIntegerField(null=True, help_text="Matched.")
    counter = models.PositiveBigIntegerField(null=True, help_text="Matched.")
    link = BytesField(max_length=32, help_text="SHA-256 of the link before and message.")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["server", "s"], name="verdict_statement_once"),
            models.UniqueConstraint(fields=["server", "seq"], name="verdict_seq_once"),
            models.UniqueConstraint(fields=["server", "question"], name="verdict_question_once"),
        ]

    def __str__(self) -> str:
        return f"verdict {self.seq} of {self.server_id}"


class Failure(models.Model):
    """One counted wrong response; kept for the budget of 30 days."""

    server = models.ForeignKey(Server, on_delete=models.CASCADE, db_index=False)
    s = BytesField(max_length=32)
    response_hash = BytesField(max_length=32, help_text="Keyed; useless without the KEK.")
    at = models.DateTimeField()
    is_forgiven = models.BooleanField(default=False, help_text="Stands against no budget.")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["server", "s", "response_hash"], name="failure_counted_once"
            )
        ]
        indexes = [models.Index(fields=["server", "at"], name="failure_budget")]

    def __str__(self) -> str:
        return f"failure of {self.server_id} at {self.at:%Y-%m-%d %H:%M}"


class Event(models.Model):
    """One change in the life of a server: for its story, and for the platform to fetch."""

    server = models.ForeignKey(Server, on_delete=models.PROTECT)
    at = models.DateTimeField()
    kind = models.CharField(max_length=20, help_text="Such as locked; see services.events.")
    actor = models.CharField(max_length=64, help_text="Such as token; see services.events.")
    detail = models.JSONField(default=dict, help_text="Public facts; never a secret.")

    def __str__(self) -> str:
        return f"{self.kind} of {self.server_id}"


class Proof(models.Model):
    """The host's own answer to a token, by which a holder tells the true platform.

    Its question is used up: no response to it is ever accepted (RFC 6287 section 7.3).
    """

    server = models.ForeignKey(Server, on_delete=models.CASCADE, db_index=False)
    s = BytesField(max_length=32, help_text="S of the statement it belongs to.")
    challenge = models.CharField(max_length=64, help_text="The token's.")
    question = models.CharField(max_length=128, help_text="The token's, then the statement's.")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["server", "s"], name="proof_statement_once"),
            models.UniqueConstraint(fields=["server", "question"], name="proof_question_once"),
        ]

    def __str__(self) -> str:
        return f"proof of {self.server_id}"
