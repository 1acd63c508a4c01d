"""Turns payloads into sound and back with ggwave, once, in a process of its own.

``python ggwave_worker.py encode VOLUME`` reads payloads, each behind its length in one byte, and
writes samples: signed 16 bit, one channel, 48 kHz. ``… decode`` does the reverse.

ggwave cuts what is over 140 bytes without a word, dies of an empty payload, and after four
failures a process cannot use it any more. So whoever calls measures first, and a process is never
used twice.
"""

import sys

import ggwave

RATE = 48_000
# Of ggwave's protocols, "audible fastest": no ultrasound, which children, dogs and cheap
# loudspeakers do not bear.
PROTOCOL = 2
SIGNED_16_BIT = 4
# As many samples as ggwave takes at once.
CHUNK_BYTES = 1024 * 2
# Silence behind each payload: its end is heard by it.
GAP_CHUNKS = 4


def _start() -> int:
    ggwave.disableLog()
    formats = {"sampleFormatInp": SIGNED_16_BIT, "sampleFormatOut": SIGNED_16_BIT}
    instance: int = ggwave.init(ggwave.getDefaultParameters() | formats)
    return instance


def encode(payloads: bytes, volume: int) -> bytes:
    """Return the sound of the payloads, one behind the other."""
    instance = _start()
    sound = bytearray()
    start = 0
    while start < len(payloads):
        end = start + 1 + payloads[start]
        payload = payloads[start + 1 : end]
        # What ggwave makes of nothing is anything from silence to a crash.
        if not payload or end > len(payloads):
            sys.exit(1)
        sound += ggwave.encode(payload, PROTOCOL, volume, instance)
        sound += bytes(GAP_CHUNKS * CHUNK_BYTES)
        start = end
    return bytes(sound)


def decode(sound: bytes) -> bytes:
    """Return the payloads that are heard in a sound; none when there is only noise."""
    instance = _start()
    payloads = bytearray()
    for start in range(0, len(sound), CHUNK_BYTES):
        chunk = sound[start : start + CHUNK_BYTES].ljust(CHUNK_BYTES, b"\0")
        heard = ggwave.decode(instance, chunk)
        if heard:
            payloads += bytes([len(heard)]) + heard
    return bytes(payloads)


if __name__ == "__main__":
    given = sys.stdin.buffer.read()
    made = encode(given, int(sys.argv[2])) if sys.argv[1] == "encode" else decode(given)
    sys.stdout.buffer.write(made)
