"""Which holder has which token at which authentication server."""
