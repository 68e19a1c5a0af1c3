from django.urls import URLPattern

app_name = "site_admin"

urlpatterns: list[URLPattern] = []
