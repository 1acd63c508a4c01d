"""The signed messages every part of Countersign exchanges; docs/protocol.md has every byte."""

__version__ = "0.1.0"
