"""What the apps above are told of transactions, in the transaction that writes it."""

from django.dispatch import Signal

# A step ended: ``step``, as it stands now, and ``now``.  Whatever a receiver raises undoes the
# end, which is then repeated; so a receiver raises nothing that would last.
step_ended = Signal()
