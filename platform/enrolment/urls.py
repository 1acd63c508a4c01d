"""Routes of enrolment; activation is a transaction, so its page is there."""

from django.urls import path

from common import converters as converters  # registers hex8
from enrolment.views import enrol, members, tokens

urlpatterns = [
    path(
        "organisations/<hex8:uid>/members/<str:account>",
        members.member,
        name="member",
    ),
    path("tokens", tokens.tokens, name="tokens"),
    path("tokens/new", enrol.new_token, name="new-token"),
    path("tokens/assign", enrol.assign_token, name="assign-token"),
    path("tokens/<str:serial>", tokens.token, name="token"),
    path("tokens/<str:serial>/replace", enrol.replace_token, name="replace-token"),
]
