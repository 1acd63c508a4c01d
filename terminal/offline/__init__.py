"""Authorizing without a network: the client, the device that relays, and setting up on-line."""
