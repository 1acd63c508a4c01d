"""Template tags of billing inside applications."""
