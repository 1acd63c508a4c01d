"""Amounts are written as on Chinese invoices: 1,250.00 (Unicode CLDR, zh)."""

THOUSAND_SEPARATOR = ","
NUMBER_GROUPING = 3
