"""The record of decisions: append-only, ids and codes alone, never text or secrets."""
