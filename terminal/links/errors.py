"""What a link refuses."""

from terminal.errors import TerminalError

CORRUPT = "link_corrupt"
TIMEOUT = "link_timeout"
TOO_LARGE = "link_too_large"
UNUSABLE = "link_unusable"
SOUND_MISSING = "sound_missing"

_SENTENCES = {
    CORRUPT: "What came over the link was damaged: try again",
    TIMEOUT: "Nothing came over the link in time: try again",
    TOO_LARGE: "A message over the link has 1 to 25,500 bytes",
    UNUSABLE: "The link cannot be used",
    SOUND_MISSING: "Sound needs ggwave: make sound, or pip install -r requirements-sound.txt",
}


class LinkError(TerminalError):
    """A link refuses; the next message may pass again.

    Attributes:
        code: ``link_corrupt``, ``link_timeout``, ``link_too_large``, ``link_unusable``, or
            ``sound_missing``.
    """

    def __init__(self, code: str) -> None:
        super().__init__(code, _SENTENCES[code])
