"""What every app shares: errors on the wire, idempotency, logs."""
