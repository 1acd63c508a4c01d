"""What a browser is, and where it is, in words for people: never what it says of itself."""

from django.http import HttpRequest
from django.utils.translation import gettext as _

# The first that is named counts: browsers name those they descend from, too.
_BROWSERS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("CriOS/", "Chrome"),
    ("Safari/", "Safari"),
)
_SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)
# Said where no address is known, which nobody has.
NO_ADDRESS = "0.0.0.0"  # noqa: S104  # nothing listens there


def device_of(user_agent: str) -> str:
    """Say which browser and system somebody has, in words of ours alone."""
    browser, system = _named(_BROWSERS, user_agent), _named(_SYSTEMS, user_agent)
    if browser and system:
        return _("%(browser)s on %(system)s") % {"browser": browser, "system": system}
    return browser or system or _("Unknown browser")


def place_of(request: HttpRequest, address: str) -> str:
    """Say from which device, and from where, a request comes; fits into a remark."""
    device = device_of(request.headers.get("User-Agent", ""))
    return device if address == NO_ADDRESS else f"{device}, {address}"


def _named(known: tuple[tuple[str, str], ...], user_agent: str) -> str:
    return next((name for mark, name in known if mark in user_agent), "")
