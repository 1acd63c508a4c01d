"""Holders, how they sign in, and the API keys that act for them."""
