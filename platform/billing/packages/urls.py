"""Routes of applications, and of what they charge."""

from django.urls import path

from billing.packages.views import applications, charges, confirm
from common import converters as converters  # registers hex4

urlpatterns = [
    path("apps", applications.listed, name="apps"),
    path("apps/<hex4:uid>", applications.one, name="app"),
    path("charges", charges.charges, name="charges"),
    path("charges/<hex8:uid>", charges.charge, name="charge"),
    path("charges/<hex8:uid>/receipt.<slug:form>", charges.receipt, name="charge-receipt"),
    path("develop/charges", charges.earned, name="earned-charges"),
    path("charges/<hex8:uid>/confirm", confirm.confirm, name="confirm-charge"),
    path("charges/<hex8:uid>/confirm/image", confirm.image, name="charge-image"),
]
