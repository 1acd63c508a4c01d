"""Pages of a holder's tokens."""
