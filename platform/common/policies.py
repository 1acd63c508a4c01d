"""What browsers let our pages load and use."""

from django.http import HttpResponse

_CONTENT = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)
_FEATURES = "camera={}, geolocation=(), microphone=()"


def confine(response: HttpResponse) -> None:
    """Allow what every page may do, where the view has not said otherwise."""
    response.headers.setdefault("Content-Security-Policy", _CONTENT)
    response.headers.setdefault("Permissions-Policy", _FEATURES.format("()"))


def allow_scanning(response: HttpResponse) -> None:
    """Allow the camera, and WebAssembly to read what it sees."""
    response["Content-Security-Policy"] = f"{_CONTENT}; script-src 'self' 'wasm-unsafe-eval'"
    response["Permissions-Policy"] = _FEATURES.format("(self)")
