"""Double-entry ledger: wallets, payments, refunds."""
