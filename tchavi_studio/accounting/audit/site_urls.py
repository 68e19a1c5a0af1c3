from django.urls import path

from . import site_views

app_name = "site_audit"
urlpatterns = [
    path("", site_views.audit_page, name="page"),
    path("integrity/", site_views.integrity, name="integrity"),
    path("verify/", site_views.verify, name="verify"),
    path("heads/", site_views.export_heads, name="heads"),
    path("heads/check/", site_views.check_heads, name="check_heads"),
    path("rows/<uuid:workspace_id>/<slug:book>/<int:sequence>/", site_views.transfer, name="transfer"),
]
