"""Lets the token app, which its host serves and not this site, post what its holder answers."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

# The one address for tokens: no cookie counts there, only the tag under K_post.
PATH = "/api/v1/responses"


class TokenOriginMiddleware:
    """Permits any page to read the answers of that address (the Fetch standard, section 3.2)."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer a preflight, and mark every other answer of the address, refusals included."""
        if request.path != PATH:
            return self.get_response(request)
        is_preflight = "Access-Control-Request-Method" in request.headers
        if request.method == "OPTIONS" and is_preflight:
            response = HttpResponse(status=204)
            response["Access-Control-Allow-Methods"] = "POST"
            response["Access-Control-Allow-Headers"] = "Content-Type"
            response["Access-Control-Max-Age"] = "600"
        else:
            response = self.get_response(request)
        # Never with credentials: a browser then sends no cookie along.
        response["Access-Control-Allow-Origin"] = "*"
        return response
