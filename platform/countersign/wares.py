"""What Ben sells in the shop of ``make run``: one small thing of each kind, made here."""

import io
import json
import math
import struct
import wave
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

from countersign.local import LocalServices
from countersign.person import Person

_RATE = 16_000
# Ode to joy: notes as steps above C, each half a second.
_MELODY = (4, 4, 5, 7, 7, 5, 4, 2, 0, 0, 2, 4, 4, 2, 2)
_SIZE = (480, 320)
_FUNDS = {"amount": 10_000, "currency": "EUR"}


@dataclass(frozen=True, slots=True)
class Ware:
    """One thing on the shelf.

    Attributes:
        kind: One of the five.
        title: What it is called.
        summary: What it is.
        filename: Of the file.
        media_type: Of the file.
        make: Makes the file.
        offers: What it costs, as the API takes it, in euro cents.
    """

    kind: str
    title: str
    summary: str
    filename: str
    media_type: str
    make: Callable[[], bytes]
    offers: tuple[dict[str, Any], ...]

    def put_up(self, developer: Person, own: dict[str, Any] | None) -> None:
        """Publish it, or finish what an earlier try began.

        Args:
            developer: Who sells it.
            own: What the developer has of this title already.

        Raises:
            PersonError: it was refused.
        """
        words = {"kind": self.kind, "title": self.title, "summary": self.summary}
        found = own or developer.call("POST", "/resources", words)
        path = f"/resources/{found['id']}"
        if found["version"] is None:
            developer.upload(f"{path}/versions", self.filename, self.make(), self.media_type)
        for offer in self.offers[len(found["offers"]) :]:
            developer.call("POST", f"{path}/offers", {"currency": "EUR", **offer})
        if found["state"] == "draft":
            developer.call("POST", f"{path}/list")


def stock_shop(developer: Person) -> None:
    """Put up whatever is not in the shop yet; errors as :meth:`Ware.put_up`."""
    own = {
        resource["title"]: resource
        for resource in developer.call("GET", "/resources/own")["results"]
    }
    for ware in WARES:
        ware.put_up(developer, own.get(ware.title))


def fill_wallet(buyer: Person) -> None:
    """Give somebody play money, and the password of everything as payment password.

    Raises:
        PersonError: it was refused.
    """
    wallet = buyer.call("GET", "/wallet")
    if not wallet["balances"]:
        buyer.call("POST", "/wallet/top-ups", _FUNDS)
    if not wallet["has_payment_password"]:
        password = {"password": buyer.password, "current": buyer.password}
        buyer.call("POST", "/wallet/payment-password", password)


def put_up_game(services: LocalServices, developer: Person, folder: Path) -> str:
    """Have the little game built that bills inside itself, unless there is one already.

    Args:
        services: Whose key centre signs it.
        developer: Who sells it.
        folder: Where its files and prices are written; they are the developer's.

    Returns:
        The id of the application.

    Raises:
        PersonError: it was refused.
    """
    account = developer.call("GET", "/me")["account"]
    for package in developer.call("GET", "/packages")["results"]:
        if (package["developer"], package["title"]) == (account, GAME):
            return str(package["id"])
    for name, content in _GAME_FILES.items():
        path = folder / "game" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, "utf-8")
    prices = folder / "prices.csv"
    prices.write_text(_GAME_PRICES, "utf-8")
    options = ["--prices", str(prices), "--developer", account, "--title", GAME]
    said = services.manage("build_package", str(folder / "game"), *options)
    return said.split()[-1]


def sunrise(height: float = 0.4) -> Image.Image:
    """Draw a sun at a height over the horizon, 0 to 1."""
    width, depth = _SIZE
    image = Image.new("RGB", _SIZE)
    draw = ImageDraw.Draw(image)
    for y in range(depth):
        part = y / depth
        draw.line([(0, y), (width, y)], fill=(int(40 + 200 * part), int(60 + 90 * part), 120))
    x, y = width // 2, int(depth * (0.85 - 0.6 * height))
    draw.ellipse([x - 40, y - 40, x + 40, y + 40], fill=(255, 214, 92))
    draw.rectangle([0, int(depth * 0.8), width, depth], fill=(38, 52, 74))
    return image


def _picture() -> bytes:
    file = io.BytesIO()
    sunrise().save(file, "PNG")
    return file.getvalue()


def _video() -> bytes:
    first, *others = [
        sunrise(step / 12).convert("P", palette=Image.Palette.ADAPTIVE) for step in range(12)
    ]
    file = io.BytesIO()
    first.save(file, "GIF", save_all=True, append_images=others, duration=120, loop=0)
    return file.getvalue()


def _music() -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as song:
        song.setnchannels(1)
        song.setsampwidth(2)
        song.setframerate(_RATE)
        song.writeframes(b"".join(_note(261.63 * 2 ** (step / 12)) for step in _MELODY))
    return file.getvalue()


def _note(pitch: float) -> bytes:
    """Return half a second of a tone that fades."""
    count = _RATE // 2
    return b"".join(
        struct.pack(
            "<h", int(12_000 * (1 - n / count) * math.sin(2 * math.pi * pitch * n / _RATE))
        )
        for n in range(count)
    )


def _theme() -> bytes:
    colours = {"background": "#10243a", "text": "#f3ecd8", "accent": "#ffb454", "line": "#2c4763"}
    return json.dumps({"name": "Night train", "colours": colours}, indent=2).encode()


def _app() -> bytes:
    return b"""<!doctype html>
<html lang="en">
<title>Tea timer</title>
<p>Your tea is ready in <output id="left">180</output> seconds.</p>
<script>
const left = document.getElementById("left");
setInterval(() => { left.value -= left.value > 0; }, 1000);
</script>
</html>
"""


GAME = "Dungeon"
_GAME_PRICES = """number,title,amount
1,Golden sword,2.50
2,Silver shield,1.20
3,Healing potion,0.30
4,Map,0.80
"""
_GAME_FILES = {
    "index.html": """<!doctype html>
<html lang="en">
<title>Dungeon</title>
<p>You stand before a <a href="rooms/hall.html">door</a>.</p>
</html>
""",
    "rooms/hall.html": """<!doctype html>
<html lang="en">
<title>The hall</title>
<p>A dragon. You would like to have a sword.</p>
</html>
""",
}
_FOR_GOOD = {"term": "permanent", "amount": 499}
WARES = (
    Ware(
        "app",
        "Tea timer",
        "Three minutes, no more. One page that runs in any browser.",
        "tea-timer.html",
        "text/html",
        _app,
        ({"term": "permanent", "amount": 199}, {"term": "until", "days": 30, "amount": 49}),
    ),
    Ware(
        "picture",
        "Sunrise over the bay",
        "480 by 320 points, for the wall of a very small room.",
        "sunrise.png",
        "image/png",
        _picture,
        (_FOR_GOOD,),
    ),
    Ware(
        "music",
        "Ode to joy, on one string",
        "Seven and a half seconds of Beethoven.",
        "ode.wav",
        "audio/wav",
        _music,
        (_FOR_GOOD, {"term": "metered", "uses": 10, "amount": 99}),
    ),
    Ware(
        "theme",
        "Night train",
        "Dark blue, with a warm lamp: four colours for a program that takes themes.",
        "night-train.json",
        "application/json",
        _theme,
        ({"term": "permanent", "amount": 99},),
    ),
    Ware(
        "video",
        "A day in one second",
        "The sun comes up, again and again.",
        "day.gif",
        "image/gif",
        _video,
        ({"term": "permanent", "amount": 299}, {"term": "until", "days": 7, "amount": 79}),
    ),
)
