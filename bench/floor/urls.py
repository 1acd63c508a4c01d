"""The one route."""

from django.urls import path

from bench.floor.views import check

urlpatterns = [path("check", check)]
