"""Settings, from environment variables. Each has a working default; errors name the variable.

docs/configuration.md lists the variables for operators; a test keeps the list complete.
"""

import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _
from environs import Env

from tchavi_studio.configuration import (
    blaming,
    database_settings,
    email_settings,
    keep_database_private,
    keep_private,
    one_of,
    require_host_names,
    require_key,
    require_origin,
    require_own_folder,
    require_peers,
    require_secret,
    require_sender,
    require_web_address,
    whole,
)
from tchavi_studio.generations.price_list import require_prices

env = Env()
BASE_DIR = Path(__file__).resolve().parent.parent

# --- Sandbox or live --------------------------------------------------------------------------------------------------

STUDIO_PROVIDER_API_KEY = env.str("STUDIO_PROVIDER_API_KEY", "", validate=require_key).strip()
STUDIO_MODE = "live" if STUDIO_PROVIDER_API_KEY else "sandbox"
STUDIO_BOOK = STUDIO_MODE
"""The ledger book in use: the sandbox's play credits can never buy a real clip."""

# --- Data and the secret key ------------------------------------------------------------------------------------------

STUDIO_DATA = env.path("STUDIO_DATA", BASE_DIR / "var", validate=require_own_folder).resolve()
with blaming("STUDIO_DATA"):
    STUDIO_DATA.mkdir(mode=0o700, parents=True, exist_ok=True)
    keep_private(STUDIO_DATA)


def installation_secret_key(kept_in: Path) -> str:
    """The installation's secret key: created at the first start and kept in a file (mode 600)."""
    if not kept_in.exists():
        draft = kept_in.with_suffix(f".{os.getpid()}")
        draft.touch(mode=0o600)
        draft.write_text(secrets.token_urlsafe(64))
        # Linking is atomic and fails if the name is taken: of two concurrent first starts, both read the same key.
        with suppress(FileExistsError):
            os.link(draft, kept_in)
        draft.unlink()
    keep_private(kept_in)
    key = kept_in.read_text()
    if not key.strip():
        raise ImproperlyConfigured(f"{kept_in} is empty. Restore it from a backup, or delete it to get a new key.")
    return key


with blaming("STUDIO_DATA"):
    SECRET_KEY = env.str("SECRET_KEY", "", validate=require_secret) or installation_secret_key(
        STUDIO_DATA / "secret.key"
    )

# --- Address ----------------------------------------------------------------------------------------------------------

HOST = env.str("HOST", "127.0.0.1")
PORT = env.int("PORT", 8000, validate=whole(1, 65535))
STUDIO_PUBLIC_URL = env.str("STUDIO_PUBLIC_URL", "", validate=require_origin).rstrip("/")
"""Where browsers and the provider reach the studio, e.g. https://studio.example.org. Empty: this machine only."""

DEBUG = False
ALLOWED_HOSTS = ["localhost", "127.0.0.1", "[::1]"]
ALLOWED_HOSTS += env.list("STUDIO_ALLOWED_HOSTS", [], validate=require_host_names)
if STUDIO_PUBLIC_URL:
    ALLOWED_HOSTS.append(urlsplit(STUDIO_PUBLIC_URL).hostname or "")
    CSRF_TRUSTED_ORIGINS = [STUDIO_PUBLIC_URL]

# Sign-in and the API limit attempts per IP address, which behind proxies is in X-Forwarded-For.
ALLAUTH_TRUSTED_PROXY_COUNT = env.int("STUDIO_PROXY_COUNT", 0, validate=whole(0, 10))

PUBLIC_HTTPS = STUDIO_PUBLIC_URL.startswith("https://")
SECURE_SSL_REDIRECT = PUBLIC_HTTPS
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if PUBLIC_HTTPS else None
SECURE_HSTS_SECONDS = 31_536_000 if PUBLIC_HTTPS else 0
STUDIO_HSTS = env.str("STUDIO_HSTS", "host", validate=one_of("host", "subdomains", "preload"))
SECURE_HSTS_INCLUDE_SUBDOMAINS = STUDIO_HSTS in {"subdomains", "preload"}
SECURE_HSTS_PRELOAD = STUDIO_HSTS == "preload"
# Whether the domain's other hosts have https too is for the operator to say, not for the studio to assume.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_SECURE = PUBLIC_HTTPS
CSRF_COOKIE_SECURE = PUBLIC_HTTPS
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_HTTPONLY = True
X_FRAME_OPTIONS = "DENY"

CONTENT_SECURITY_POLICY: dict[str, Any] = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "blob:", "data:"],
        "media-src": [SELF, "blob:"],
        "connect-src": [SELF],
        "font-src": [SELF],
        "manifest-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}

# --- The apps ---------------------------------------------------------------------------------------------------------

INSTALLED_APPS = [
    "tchavi_studio.operations",
    "tchavi_studio.create",
    "tchavi_studio.developers",
    "tchavi_studio.accounting",
    "tchavi_studio.teams",
    "tchavi_studio.gallery",
    "tchavi_studio.site",
    "tchavi_studio.api",
    "tchavi_studio.generations",
    "tchavi_studio.webhooks",
    "tchavi_studio.assets",
    "tchavi_studio.ledger",
    "tchavi_studio.notices",
    "tchavi_studio.workspaces",
    "tchavi_studio.records",
    "tchavi_studio.runtime",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.humanize",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.forms",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "csp",
    "django_htmx",
    "django_q",
]

MIDDLEWARE = [
    "tchavi_studio.api.middleware.errors_as_json",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "tchavi_studio.operations.compression.CompressPagesMiddleware",
    "csp.middleware.CSPMiddleware",
    "tchavi_studio.workspaces.sessions.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "tchavi_studio.site.unread_requests.explain_unread_requests",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
]

ROOT_URLCONF = "tchavi_studio.urls"
WSGI_APPLICATION = "tchavi_studio.wsgi.application"

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "django.template.context_processors.i18n",
                "tchavi_studio.site.context.studio",
            ],
            "builtins": [
                "django.templatetags.i18n",
                "django.templatetags.static",
                "tchavi_studio.site.templatetags.icons",
            ],
        },
    },
]
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"

# --- Database, cache, files -------------------------------------------------------------------------------------------

# With NORMAL, a power cut may take back the last commits. In live mode a clip could then be sent, and billed, twice.
SYNCHRONOUS = "FULL" if STUDIO_MODE == "live" else "NORMAL"
# Without recursive_triggers, INSERT OR REPLACE would delete a ledger row without firing its trigger.
SQLITE_COMMANDS = f"PRAGMA journal_mode=WAL; PRAGMA synchronous={SYNCHRONOUS}; PRAGMA recursive_triggers=ON;"
DATABASES: dict[str, Any] = {
    "default": database_settings(
        env, "DATABASE_URL", f"sqlite:///{STUDIO_DATA / 'studio.sqlite3'}", sqlite_commands=SQLITE_COMMANDS
    )
}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    with blaming("DATABASE_URL"):
        keep_database_private(Path(DATABASES["default"]["NAME"]))
CACHES = {
    # For what guards accounts: django-allauth's throttles and used codes, and exports under way.
    "default": {"BACKEND": "tchavi_studio.workspaces.guards.GuardCache"},
    "cluster statistics": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"},
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

STORAGES = {
    "default": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {
            "location": STUDIO_DATA / "media",
            "file_permissions_mode": 0o600,
            "directory_permissions_mode": 0o700,
        },
    },
    "staticfiles": {"BACKEND": "tchavi_studio.operations.static_files.HashedStaticFilesStorage"},
}
STATIC_URL = "static/"
STATIC_ROOT = STUDIO_DATA / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
# A thousand selected clips, and what else their form has.
DATA_UPLOAD_MAX_NUMBER_FIELDS = 1_100
FILE_UPLOAD_TEMP_DIR = STUDIO_DATA / "incoming"
with blaming("STUDIO_DATA"):
    FILE_UPLOAD_TEMP_DIR.mkdir(mode=0o700, exist_ok=True)
FILE_UPLOAD_PERMISSIONS = 0o600
# Stream every upload to disk, so that memory use doesn't depend on what people send.
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.TemporaryFileUploadHandler"]

# --- Background work --------------------------------------------------------------------------------------------------
# Tasks are only wake-ups, the row is the truth (docs/architecture.md), so each is tried once and always acknowledged.
# django-q2 runs a task a second time unless retry > timeout × (1 + ceil((queue_limit + 1) / workers)).

Q_CLUSTER: dict[str, Any] = {
    "name": "studio",
    "cluster_name": "pump",
    "orm": "default",
    "broker_class": "tchavi_studio.runtime.task_queue.TaskQueue",
    "workers": 2,
    "queue_limit": 2,
    "timeout": 60,
    "retry": 200,
    "ack_failures": True,
    "max_attempts": 1,
    "catch_up": False,
    # Nobody reads the statistics, which are written every second.
    "cache": "cluster statistics",
    # Nobody reads the results of tasks that succeeded.
    "save_limit": -1,
    # The queue has a doorbell.
    "poll": 0,
    "guard_cycle": 1,
    "scheduler": False,
    "label": "Background tasks",
    "ALT_CLUSTERS": {"render": {"workers": 1, "queue_limit": 1, "timeout": 300, "retry": 1000}},
}
if STUDIO_MODE == "live":
    # Downloads and uploads have their own cluster, so that polls and renders never wait for a slow connection.
    Q_CLUSTER["ALT_CLUSTERS"]["transfer"] = {"workers": 2, "queue_limit": 2, "timeout": 300, "retry": 1000}

# --- People -----------------------------------------------------------------------------------------------------------

AUTH_USER_MODEL = "workspaces.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
SESSION_ENGINE = "tchavi_studio.workspaces.sessions"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
ACCOUNT_ADAPTER = "tchavi_studio.workspaces.adapter.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_SIGNUP_FORM_CLASS = "tchavi_studio.workspaces.forms.SignupForm"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_UNIQUE_EMAIL = True
SENDS_MAIL = bool(env.str("EMAIL_URL", ""))
# With mandatory verification, sign-up needn't tell who is registered: both answers are "look into your mail".
ACCOUNT_EMAIL_VERIFICATION = "mandatory" if SENDS_MAIL else "none"
ACCOUNT_LOGIN_ON_EMAIL_CONFIRMATION = True
# A change of address or password, or of two-factor authentication, is told to the address known so far.
ACCOUNT_EMAIL_NOTIFICATIONS = SENDS_MAIL
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_FORMS = {"add_email": "tchavi_studio.workspaces.email_form.AddEmailForm"}
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_DEFAULT_HTTP_PROTOCOL = "https" if PUBLIC_HTTPS else "http"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
# Without outgoing mail, addresses stay unverified; two-factor authentication must still be possible.
MFA_ALLOW_UNVERIFIED_EMAIL = not SENDS_MAIL
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"

vars().update(email_settings(env, "EMAIL_URL", "console:"))
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", "studio@localhost", validate=require_sender)

# --- Languages --------------------------------------------------------------------------------------------------------

LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("fr", _("French"))]
LOCALE_PATHS = [BASE_DIR / "tchavi_studio" / "locale"]
FORMAT_MODULE_PATH = "tchavi_studio.locale"
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"
USE_THOUSAND_SEPARATOR = True

# --- Sign-up, credits and limits --------------------------------------------------------------------------------------

MAX_CREDITS = 10**9
STUDIO_SIGNUP = env.str(
    "STUDIO_SIGNUP", "open" if STUDIO_MODE == "sandbox" else "invite", validate=one_of("open", "invite")
)
STUDIO_SIGNUP_CREDITS = env.int(
    "STUDIO_SIGNUP_CREDITS", 10_000 if STUDIO_MODE == "sandbox" else 0, validate=whole(0, MAX_CREDITS)
)
STUDIO_LOW_BALANCE_CREDITS = env.int("STUDIO_LOW_BALANCE_CREDITS", 5_000, validate=whole(0, MAX_CREDITS))
STUDIO_PLAY_CREDITS = env.int("STUDIO_PLAY_CREDITS", 10_000, validate=whole(1, MAX_CREDITS))
STUDIO_PLAY_CREDITS_PER_DAY = env.int("STUDIO_PLAY_CREDITS_PER_DAY", 50_000, validate=whole(0, MAX_CREDITS))
STUDIO_PRICES: Any = env.json("STUDIO_PRICES", {}, validate=require_prices)
STUDIO_WORKSPACE_QUOTA_BYTES = env.int("STUDIO_WORKSPACE_QUOTA_BYTES", 20 * 1024**3, validate=whole(1024**2, 1024**5))
STUDIO_MIN_FREE_BYTES = env.int("STUDIO_MIN_FREE_BYTES", 2 * 1024**3, validate=whole(0, 1024**5))
STUDIO_MAX_FREE_PER_WORKSPACE = env.int("STUDIO_MAX_FREE_PER_WORKSPACE", 20, validate=whole(4, 10_000))
STUDIO_OUTBOUND_ALLOW: tuple[str, ...] = tuple(env.list("STUDIO_OUTBOUND_ALLOW", [], validate=require_peers))
STUDIO_API_RPM_PER_KEY = env.int("STUDIO_API_RPM_PER_KEY", 120, validate=whole(1, 1_000_000))
STUDIO_API_RPM_PER_ADDRESS = env.int("STUDIO_API_RPM_PER_ADDRESS", 500, validate=whole(1, 1_000_000))
STUDIO_BIN_DAYS = env.int("STUDIO_BIN_DAYS", 30, validate=whole(1, 3650))
STUDIO_WORKSPACES_PER_PERSON = env.int("STUDIO_WORKSPACES_PER_PERSON", 5, validate=whole(1, 10_000))
STUDIO_WORKSPACE_CREATION = env.str(
    "STUDIO_WORKSPACE_CREATION",
    "everyone" if STUDIO_MODE == "sandbox" else "admins",
    validate=one_of("everyone", "admins"),
)

# --- The provider (live mode only) ------------------------------------------------------------------------------------

STUDIO_PROVIDER_URL = env.str("STUDIO_PROVIDER_URL", "https://tchavi.com/api/v1", validate=require_web_address)
STUDIO_PROVIDER_URL = STUDIO_PROVIDER_URL.rstrip("/")
STUDIO_PROVIDER_EXCLUSIVE = env.bool("STUDIO_PROVIDER_EXCLUSIVE", False)
"""Whether only this studio uses the provider account: only then may an unknown job be taken for one of ours."""

STUDIO_MAX_OPEN_PER_WORKSPACE = env.int("STUDIO_MAX_OPEN_PER_WORKSPACE", 20, validate=whole(1, 10_000))
STUDIO_UNKNOWN_DEADLINE_SECONDS = env.int("STUDIO_UNKNOWN_DEADLINE_SECONDS", 600, validate=whole(1, 30 * 86_400))
STUDIO_ACCOUNT_WAIT_SECONDS = env.int("STUDIO_ACCOUNT_WAIT_SECONDS", 24 * 3600, validate=whole(1, 30 * 86_400))
STUDIO_JOB_DEADLINE_SECONDS = env.int("STUDIO_JOB_DEADLINE_SECONDS", 2 * 3600, validate=whole(1, 30 * 86_400))
STUDIO_LEASE_SECONDS = env.int("STUDIO_LEASE_SECONDS", 20, validate=whole(1, 3600))
if DATABASES["default"]["ENGINE"] == "django.db.backends.postgresql":
    # A worker that is frozen or cut off in the middle of a transaction must not keep rows locked longer than its lease.
    limit = f"-c idle_in_transaction_session_timeout={STUDIO_LEASE_SECONDS}s"
    options = DATABASES["default"]["OPTIONS"]
    options["options"] = f"{options.get('options', '')} {limit}".lstrip()
STUDIO_PUMPS = env.int("STUDIO_PUMPS", 1, validate=whole(1, 16))

# --- Logs: no keys, signed URLs or prompts ----------------------------------------------------------------------------

LOG_LEVEL = env.str("STUDIO_LOG_LEVEL", "INFO", validate=one_of("DEBUG", "INFO", "WARNING", "ERROR"))
LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "()": "tchavi_studio.operations.logs.DiscreetFormatter",
            "format": "%(asctime)s %(levelname)s %(name)s: %(message)s",
        }
    },
    "filters": {"health_checks": {"()": "tchavi_studio.operations.logs.HealthCheckFilter"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": LOG_LEVEL},
    "loggers": {
        "django": {"handlers": ["console"], "level": "WARNING", "propagate": False},
        "django.request": {"filters": ["health_checks"]},
        "django.server": {"handlers": ["console"], "level": "INFO", "propagate": False},
        "django-q": {"handlers": ["console"], "level": "WARNING", "propagate": False},
        "httpx": {"level": "WARNING"},
    },
}
