"""Files of tokens on their way in."""

import uuid

from django.db import models

from authserver.models.platforms import Platform


class ImportJob(models.Model):
    """A file of tokens: checked and prepared first, then stored whole or not at all."""

    class State(models.TextChoices):
        """``checking → ready → storing → done``; ``refused`` or ``failed`` instead of ready."""

        CHECKING = "checking"
        READY = "ready"
        STORING = "storing"
        DONE = "done"
        REFUSED = "refused"
        FAILED = "failed"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    platform = models.ForeignKey(Platform, on_delete=models.PROTECT)
    batch = models.CharField(max_length=40, help_text="Name of the batch to be.")
    format = models.CharField(max_length=12)
    operator = models.CharField(max_length=32)
    state = models.CharField(max_length=8, choices=State, default=State.CHECKING)
    octets = models.PositiveBigIntegerField(help_text="Of the file.")
    octets_read = models.PositiveBigIntegerField(default=0)
    good = models.PositiveIntegerField(default=0, help_text="Tokens that can be stored.")
    bad = models.PositiveIntegerField(default=0, help_text="Tokens that are refused.")
    suites = models.JSONField(default=dict, help_text="How many tokens have which suite.")
    problem = models.CharField(max_length=24, blank=True, help_text="Of the file as a whole.")
    sentence = models.CharField(max_length=200, blank=True, help_text="The same in words.")
    begun_at = models.DateTimeField()
    touched_at = models.DateTimeField(help_text="When it last went on.")

    def __str__(self) -> str:
        return f"import of {self.batch} ({self.state})"


class ImportChunk(models.Model):
    """Some tokens of a file that wait to be stored; their secrets are sealed already."""

    job = models.ForeignKey(ImportJob, on_delete=models.CASCADE, related_name="chunks")
    number = models.PositiveIntegerField()
    keys = models.CharField(max_length=60, help_text="Data key and host key they were made with.")
    rows = models.TextField(help_text="JSON; nothing in it that a server's row does not hold.")
    refused = models.JSONField(help_text="Place, serial, problem, and the problem in words.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["job", "number"], name="import_chunk_once")]

    def __str__(self) -> str:
        return f"part {self.number} of {self.job_id}"
