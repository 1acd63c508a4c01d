"""The floor: what checking one code costs when nothing is shown, signed or chained."""

import hashlib
import json

import django_otp
from django.contrib.auth.models import User
from django.http import HttpRequest, JsonResponse


def check(request: HttpRequest) -> JsonResponse:
    """Check the next HOTP code of one of the caller's devices.

    The caller shows a bearer key, of which a hash is stored, as at the platform: a user's name is
    that hash.
    """
    key = request.headers.get("Authorization", "").removeprefix("Bearer ")
    user = User.objects.filter(username=key_hash(key)).first()
    if user is None:
        return JsonResponse({"code": "not_authenticated"}, status=401)
    asked = json.loads(request.body)
    device = django_otp.verify_token(user, asked["device"], asked["code"])
    return JsonResponse({"accepted": device is not None})


def key_hash(key: str) -> str:
    """Return what is stored of a bearer key."""
    return hashlib.sha256(key.encode()).hexdigest()
