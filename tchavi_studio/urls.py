"""All URLs, app by app. A workspace's pages are under /w/<slug>/."""

from django.urls import include, path

from tchavi_studio.site.views import language

workspace_urlpatterns = [
    path("create/", include("tchavi_studio.create.urls")),
    path("", include("tchavi_studio.gallery.urls")),
    path("references/", include("tchavi_studio.gallery.references.urls")),
    path("storage/", include("tchavi_studio.gallery.storage.urls")),
    path("credits/", include("tchavi_studio.accounting.urls")),
    path("audit/", include("tchavi_studio.accounting.audit.urls")),
    path("developers/", include("tchavi_studio.developers.urls")),
    path("", include("tchavi_studio.teams.urls")),
]

handler500 = "tchavi_studio.site.views.failure"

urlpatterns = [
    path("", include("tchavi_studio.operations.urls")),
    path("", include("tchavi_studio.site.urls")),
    path("v1/", include("tchavi_studio.api.urls")),
    path("api/v1/", include("tchavi_studio.api.urls", namespace="api-alias")),
    path("accounts/", include("allauth.urls")),
    path("account/keys/", include("tchavi_studio.developers.account_urls")),
    path("account/invitations/", include("tchavi_studio.teams.people.account_urls")),
    path("invitations/", include("tchavi_studio.teams.people.invitation_urls")),
    path("site/", include("tchavi_studio.teams.site.urls")),
    path("site/audit/", include("tchavi_studio.accounting.audit.site_urls")),
    path("workspaces/", include("tchavi_studio.teams.workspaces.person_urls")),
    # Django's name for it.
    path("i18n/setlang/", language, name="set_language"),
    path("media/", include("tchavi_studio.assets.signed_urls")),
    path("w/<slug:workspace_slug>/", include(workspace_urlpatterns)),
]
