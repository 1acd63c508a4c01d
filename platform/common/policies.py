"""What browsers let our pages load and use."""

from django.http import HttpResponse

_CONTENT = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)
_FEATURES = "camera={camera}, geolocation=(), microphone={microphone}"
_WASM = f"{_CONTENT}; script-src 'self' 'wasm-unsafe-eval'"
# Of a worker: it may evaluate what it makes up, and so it gets nothing but scripts of ours.
_EVALUATING = "default-src 'none'; script-src 'self' 'unsafe-eval'"


def confine(response: HttpResponse) -> None:
    """Allow what every page may do, where the view has not said otherwise."""
    response.headers.setdefault("Content-Security-Policy", _CONTENT)
    response.headers.setdefault("Permissions-Policy", _features())


def allow_scanning(response: HttpResponse) -> None:
    """Allow the camera, and WebAssembly to read what it sees."""
    response["Content-Security-Policy"] = _WASM
    response["Permissions-Policy"] = _features(camera="(self)")


def allow_links(response: HttpResponse) -> None:
    """Allow what a near-field link takes: scanning, and the microphone."""
    response["Content-Security-Policy"] = _WASM
    response["Permissions-Policy"] = _features(camera="(self)", microphone="(self)")


def allow_evaluation(response: HttpResponse) -> None:
    """Allow a worker, never a page, to evaluate code of its own making; it can call nobody."""
    response["Content-Security-Policy"] = _EVALUATING


def _features(camera: str = "()", microphone: str = "()") -> str:
    return _FEATURES.format(camera=camera, microphone=microphone)
