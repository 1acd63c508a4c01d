"""Operator pages that span the apps."""
