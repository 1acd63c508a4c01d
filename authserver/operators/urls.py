"""Routes of the operator pages, under ``operator/``."""

from django.urls import re_path
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from authserver.operators import views

_form = require_http_methods(["GET", "HEAD", "POST"])
_JOB = "(?P<job_id>[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})"

urlpatterns = [
    re_path(r"^\Z", require_safe(views.overview)),
    re_path(r"^sign-in\Z", _form(views.sign_in)),
    re_path(r"^sign-out\Z", require_POST(views.sign_out)),
    re_path(r"^servers\Z", require_safe(views.servers)),
    re_path(r"^servers/(?P<vk>[0-9a-f]{16})\Z", _form(views.server)),
    re_path(r"^stock\Z", require_safe(views.stock)),
    re_path(r"^import\Z", _form(views.upload)),
    re_path(rf"^imports/{_JOB}\Z", _form(views.imported)),
    re_path(rf"^imports/{_JOB}/report\Z", require_safe(views.report)),
    re_path(r"^export\Z", _form(views.export)),
    re_path("", views.nothing),
]
