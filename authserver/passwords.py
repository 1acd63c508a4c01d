"""How passwords of operators are stored."""

from django.contrib.auth.hashers import Argon2PasswordHasher


class OWASPArgon2(Argon2PasswordHasher):
    """Argon2id with the parameters OWASP asks for: 2 passes over 19 MiB, about 40 ms."""

    time_cost = 2
    memory_cost = 19_456
    parallelism = 1
