"""Suites and algorithms of challenge-response tokens: bytes, numbers and text in, codes out."""
