"""The platforms that a host serves, how strict each is, and the logs that it witnesses."""

from django.db import models
from django.db.models import Q

from authserver.models.fields import BytesField

MAX_CONSECUTIVE_FAILURES = 5
MAX_LOCK_LEVEL = 4
MAX_BUDGET = 30
# The longest lock that ends by itself: 30 days.
MAX_LOCK_SECONDS = 30 * 86_400


def default_locks() -> list[int]:
    """Return how long a token is locked the first, second, third and every further time."""
    return [60, 300, 1800, 86_400]


class Platform(models.Model):
    """A platform that may pair servers and ask for verdicts, and how strict it wants to be."""

    id = models.CharField(primary_key=True, max_length=16)
    origin = models.CharField(max_length=40)
    root = BytesField(max_length=32, help_text="Public root key, pinned.")
    key_hash = BytesField(max_length=32, unique=True, help_text="SHA-256 of the bearer key.")
    max_failures = models.PositiveSmallIntegerField(
        default=MAX_CONSECUTIVE_FAILURES, help_text="Wrong responses in a row that lock."
    )
    locks = models.JSONField(default=default_locks, help_text="Seconds, for each lock in turn.")
    budget = models.PositiveSmallIntegerField(
        default=MAX_BUDGET, help_text="Failures within 30 days that block."
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(max_failures__gte=1, max_failures__lte=MAX_CONSECUTIVE_FAILURES)
                & Q(budget__gte=1, budget__lte=MAX_BUDGET),
                name="platform_never_laxer_than_the_host",
            )
        ]

    def __str__(self) -> str:
        return f"platform {self.id}"


class WitnessedLog(models.Model):
    """The newest checkpoint of a platform's receipt log that this host signed for.

    What does not go on from it is refused.
    """

    platform = models.OneToOneField(Platform, on_delete=models.CASCADE, primary_key=True)
    size = models.PositiveBigIntegerField()
    checkpoint = BytesField(help_text="COSE_Sign1, typ cs-checkpoint, by the platform.")
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"log of {self.platform_id} with {self.size} entries"


class LogRefusal(models.Model):
    """A platform showed a log that does not go on from the one it had shown before.

    Both checkpoints are signed by it, and it owes a proof that one begins with the other.
    """

    platform = models.ForeignKey(Platform, on_delete=models.CASCADE, related_name="log_refusals")
    at = models.DateTimeField()
    code = models.CharField(max_length=20, help_text="log_forked or log_shrunk.")
    size = models.PositiveBigIntegerField(help_text="Of the log that was held.")
    held = BytesField(help_text="The checkpoint that was signed for.")
    shown = BytesField(help_text="The one that does not go on from it.")

    class Meta:
        constraints = [
            # A platform shows its log again and again: the first time of each kind is kept.
            models.UniqueConstraint(fields=["platform", "size", "code"], name="log_refusal_once")
        ]

    def __str__(self) -> str:
        return f"{self.code} of {self.platform_id}"
