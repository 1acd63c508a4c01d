"""Routes of receipts."""

from django.urls import path

from receipts import views

urlpatterns = [
    path("scan", views.scan, name="scan"),
    # Where the text of every receipt's QR code leads.
    path("r", views.scan, name="phone-scan"),
    # Here and not with its page, since pictures are drawn here.
    path("sign-in/token/challenge.<str:form>", views.sign_in_challenge, name="sign-in-challenge"),
]
