"""Under /site/prices/."""

from django.urls import path

from . import views

urlpatterns = [
    path("", views.prices, name="prices"),
    path("new/", views.new_prices, name="new_prices"),
]
