"""What makers' services vouch for: one interface, one module for each maker."""
