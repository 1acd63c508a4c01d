"""Routes of devices and phones."""

from django.urls import path

from binding import device_pages, phone_pages
from common import converters as converters  # registers hex8

urlpatterns = [
    path("devices", device_pages.devices, name="devices"),
    path("phones", phone_pages.phones, name="phones"),
    path("phones/<hex8:uid>", phone_pages.phone, name="phone"),
]
