from django.urls import path

from . import account, notices, views

app_name = "site"
urlpatterns = [
    path("", views.home, name="home"),
    path("theme/", views.theme, name="theme"),
    path("account/mail-failed/", account.mail_failed, name="mail_failed"),
    path("account/data/", account.data, name="data"),
    path("account/data/export/", account.export, name="export"),
    path("account/data/delete/", account.delete, name="delete_account"),
    path("account/shortcuts/", account.shortcuts, name="shortcuts"),
    path("account/notices/", notices.preferences, name="notice_preferences"),
    path("notices/", notices.notices, name="notices"),
    path("notices/news/", notices.news, name="news"),
    path("service-worker.js", notices.service_worker, name="service_worker"),
    path("notices/seen/", notices.see_all, name="see_all_notices"),
    path("notices/<int:notice_id>/", notices.notice, name="notice"),
    path("notices/unsubscribe/<str:token>/", notices.unsubscribe, name="unsubscribe"),
    path("account/sessions/", account.sessions, name="sessions"),
    path("account/sessions/end/", account.end, name="end_session"),
    path("account/sessions/end-others/", account.end_others, name="end_other_sessions"),
]
