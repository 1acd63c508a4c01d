"""Money and what it buys."""
