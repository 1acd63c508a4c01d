"""Routes of enrolment; activation is a transaction, so its page is there."""

from django.urls import path

from enrolment import views

urlpatterns = [
    path("tokens", views.tokens, name="tokens"),
    path("tokens/new", views.new_token, name="new-token"),
    path("tokens/<str:serial>", views.token, name="token"),
]
