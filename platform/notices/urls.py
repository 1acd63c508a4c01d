"""Routes for programs of others."""

from django.urls import path

from notices import views

urlpatterns = [path("sms/inbound", views.sms_inbound, name="sms-inbound")]
