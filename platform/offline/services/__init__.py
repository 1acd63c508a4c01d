"""What changes state: clients, services and their relays, authorizations (docs/offline.md)."""
