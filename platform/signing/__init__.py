"""The platform's own keys, sealed, with their certificates; builds the directory."""
