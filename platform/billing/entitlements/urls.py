"""Routes of the shop, of what was bought, and for developers."""

from django.urls import path

from billing.entitlements.views import develop, library, shop
from common import converters as converters  # registers hex8

urlpatterns = [
    path("shop", shop.shop, name="shop"),
    path("shop/<hex8:uid>", shop.resource, name="resource"),
    path("shop/<hex8:uid>/buy/<hex8:offer>", shop.buy, name="buy"),
    path("library", library.owned, name="library"),
    path("library/<hex8:uid>", library.purchase, name="purchase"),
    path("develop", develop.develop, name="develop"),
    path("develop/new", develop.new, name="new-resource"),
    path("develop/<hex8:uid>", develop.developed, name="developed"),
    path("develop/<hex8:uid>/upload", develop.upload, name="upload-version"),
]
