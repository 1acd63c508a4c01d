"""The one exception of this package."""


class ProtocolError(Exception):
    """A message breaks a rule of the protocol.

    Attributes:
        code: Stable, lower_snake_case; part of the API.
        detail: One clear sentence, free of secrets.
        field: Name of the field at fault, where one is.
        excess: By how many bytes it is too long, where that is the fault.
    """

    def __init__(self, code: str, detail: str, field: str = "", excess: int = 0) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
        self.field = field
        self.excess = excess
