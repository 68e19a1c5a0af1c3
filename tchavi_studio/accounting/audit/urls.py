from django.urls import path

from . import views

app_name = "audit"
urlpatterns = [
    path("", views.audit_page, name="page"),
    path("integrity/", views.integrity, name="integrity"),
    path("rows/<int:sequence>/", views.transfer, name="transfer"),
]
