"""The pages cut, read and refuse frames as the vectors say, which terminal/links made."""

import json
from typing import Any

from tests.browser.readers import Reader
from tests.terminal import link_vectors

VECTORS: dict[str, Any] = json.loads(link_vectors.PATH.read_text())


def joined(reader: Reader, frames: list[str]) -> list[str | None]:
    """Return what each frame brings: a message in hex, a code of a refusal, or nothing yet."""
    answer = reader.ask("frames_joined", frames=[{"hex": frame} for frame in frames])
    return [part["bytes"] if isinstance(part, dict) else part for part in answer["value"]]


def test_the_pages_take_frames_as_the_vectors_say(reader: Reader) -> None:
    for vector in VECTORS["messages"]:
        given = {"hex": vector["message"], "first": vector["number"]}
        cut = reader.ask("frames_split", **given)["value"]
        assert [frame["bytes"] for frame in cut] == vector["frames"], vector["id"]
        for text in vector["codes"]:
            code = reader.ask("qr_text", text=text, link="OFFLINE")["value"]
            assert code["content"]["bytes"] in "".join(vector["frames"]), vector["id"]
    for vector in VECTORS["refused"]:
        assert joined(reader, [vector["frame"]]) == ["link_corrupt"], vector["id"]
    for vector in VECTORS["sequences"]:
        assert joined(reader, vector["frames"]) == vector["brings"], vector["id"]
