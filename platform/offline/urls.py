"""Routes of what is authorized without a network."""

from django.urls import path

from common import converters as converters  # registers hex4
from offline.views import history, kiosk, phone, services, settings

urlpatterns = [
    path("offline", phone.phone, name="offline"),
    # Where the text of an offer's QR code leads.
    path("o", phone.phone, name="offline-offer"),
    path("offline/set-up", phone.set_up, name="offline-set-up"),
    path("offline/manifest.json", phone.manifest, name="offline-manifest"),
    # At the top: it keeps pages of whatever path.
    path("sw.js", phone.service_worker, name="service-worker"),
    path("offline/settings", settings.phones, name="offline-phones"),
    path("offline/settings/<hex4:uid>", settings.phone, name="offline-phone"),
    path("offline/history", history.history, name="offline-history"),
    path("offline/history/<hex16:serial>", history.authorization, name="offline-authorization"),
    path(
        "offline/history/<hex16:serial>/receipt.<slug:form>",
        history.receipt,
        name="offline-receipt",
    ),
    path("offline/services", services.listed, name="offline-services"),
    path("offline/services/<hex8:uid>", services.one, name="offline-service"),
    path("kiosk", kiosk.kiosk, name="kiosk"),
    path("offline/sound-worker.js", kiosk.sound_worker, name="sound-worker"),
]
