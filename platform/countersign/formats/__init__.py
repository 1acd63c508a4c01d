"""Formats of languages, where Django's own differ from what readers expect."""
