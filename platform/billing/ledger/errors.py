"""Refusals of this app."""
