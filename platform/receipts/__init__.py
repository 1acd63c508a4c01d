"""Receipts: drawn as QR codes, read from pictures, verified, and the keys to verify them."""
