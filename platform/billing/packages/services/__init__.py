"""Write operations on packages and billing requests: one module per use case."""
