"""News for the apps above, sent inside the transaction of what happened."""

from django.dispatch import Signal

# ``device`` was removed at ``now``: it proves nothing any more.
device_removed = Signal()
