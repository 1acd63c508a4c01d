"""Routes of accounts: the person's own pages."""

from django.urls import path

from accounts import organisation_pages, session_pages, views, webhook_pages
from common import converters as converters  # registers hex8

urlpatterns = [
    path("account", views.account, name="account"),
    # In place of allauth's own page, which could end all others alone.
    path("accounts/sessions/", session_pages.sessions, name="sessions"),
    path("inbox", views.inbox, name="inbox"),
    path("organisations", organisation_pages.organisations, name="organisations"),
    path("organisations/<hex8:uid>", organisation_pages.organisation, name="organisation"),
    path("webhooks", webhook_pages.webhooks, name="webhooks"),
    path("webhooks/<int:endpoint>", webhook_pages.webhook, name="webhook"),
    path("i18n/setlang/", views.set_language, name="set_language"),
]
