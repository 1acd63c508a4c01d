"""Service authorization for a client without a network (flows.md, E)."""
