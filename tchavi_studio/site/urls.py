from django.urls import path

from . import account, views

app_name = "site"
urlpatterns = [
    path("", views.home, name="home"),
    path("theme/", views.theme, name="theme"),
    path("account/mail-failed/", account.mail_failed, name="mail_failed"),
    path("account/data/", account.data, name="data"),
    path("account/data/export/", account.export, name="export"),
    path("account/data/delete/", account.delete, name="delete_account"),
    path("account/sessions/", account.sessions, name="sessions"),
    path("account/sessions/end/", account.end, name="end_session"),
    path("account/sessions/end-others/", account.end_others, name="end_other_sessions"),
]
