"""Pages of applications, of what they charge, and for their developers."""
