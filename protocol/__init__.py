"""The signed messages every part of Countersign exchanges; docs/protocol.md has every byte."""
