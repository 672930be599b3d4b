"""Settings of the gateway. Every value an operator may set comes from the environment (see
docs/operations.md); without any, one box runs on SQLite and needs no service."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Any

import dj_database_url
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _

from aision import env

BASE_DIR = Path(__file__).resolve().parent.parent
VERSION = "0.1.0"

# --- The box ---
DATA_DIR = env.folder("AISION_DATA_DIR", BASE_DIR / "var")
REGISTRY_DIR = DATA_DIR / "registry"
CLIPS_DIR = DATA_DIR / "clips"
EXPORT_DIR = env.folder("AISION_EXPORT_DIR", DATA_DIR / "exports")
VIDEO_DIRS = [
    DATA_DIR / "videos",
    *(Path(folder).expanduser().resolve() for folder in env.words("AISION_VIDEO_DIRS", [])),
]
UPLINK_TOKEN = env.secret("AISION_UPLINK_TOKEN", DATA_DIR / "secrets" / "uplink_token")
UPLINK_URL = env.url("AISION_UPLINK_URL", ("ws", "wss")) or "ws://127.0.0.1:8000/ws/sensing/"

# --- Security ---
DEBUG = env.boolean("AISION_DEBUG", False)
SECRET_KEY = env.secret("AISION_SECRET_KEY", DATA_DIR / "secrets" / "secret_key")
# Camera passwords are encrypted with a key derived from both.
SALT_KEY = env.secret("AISION_FIELD_KEY", DATA_DIR / "secrets" / "field_key")
ALLOWED_HOSTS = env.words("AISION_ALLOWED_HOSTS", ["*"])
CSRF_TRUSTED_ORIGINS = env.words("AISION_TRUSTED_ORIGINS", [])
HTTPS = env.boolean("AISION_HTTPS", False)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
SECURE_HSTS_SECONDS = 31536000 if HTTPS else 0
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
# Plotly sets style attributes and blob: images are pictures that came over the websocket.
CONTENT_SECURITY_POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline';"
    " img-src 'self' data: blob:; connect-src 'self' ws: wss:; font-src 'self' data:;"
    " object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
)
AXES_FAILURE_LIMIT = 8
AXES_COOLOFF_TIME = 0.25  # hours
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_LOCKOUT_TEMPLATE = "locked_out.html"
AXES_VERBOSE = False
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
    )
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "live"
LOGOUT_REDIRECT_URL = "login"

# --- Application ---
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "channels",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "axes",
    "models_registry.apps.ModelsRegistryConfig",
    "sensing.apps.SensingConfig",
    "aision.accounts.apps.AccountsConfig",
    "aision.apps.GatewayConfig",
]
MIDDLEWARE = [
    "aision.middleware.StreamsMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "aision.middleware.ContentSecurityPolicyMiddleware",
    "aision.middleware.SiteTimeZoneMiddleware",
    "aision.middleware.ClientAddressMiddleware",
    "axes.middleware.AxesMiddleware",
]
ROOT_URLCONF = "aision.urls"
ASGI_APPLICATION = "aision.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "aision.context.gateway",
            ]
        },
    }
]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- Language and time ---
LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_I18N = USE_TZ = True
TIME_ZONE = env.time_zone("AISION_TIME_ZONE", "UTC")

# --- Static files ---
STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = DATA_DIR / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "aision.static_storage.StaticStorage"},
}

# --- Database: one box runs on SQLite with one batching writer; DATABASE_URL takes over ---


def _database() -> dict[str, Any]:
    given = env.url("DATABASE_URL", ("postgres", "postgresql"))
    if given:
        try:
            parsed = dj_database_url.parse(given)
        except ValueError as error:
            raise ImproperlyConfigured(
                "DATABASE_URL: expected postgres://user:password@host:5432/name with special"
                " characters percent-encoded, got a URL that cannot be read"
            ) from error
        # Under ASGI each request has a thread of its own: a connection kept for later would leak.
        return {**parsed, "CONN_HEALTH_CHECKS": True}
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": DATA_DIR / "aision.sqlite3",
        "OPTIONS": {
            "timeout": 20,
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;"
            " PRAGMA cache_size=-16000; PRAGMA temp_store=MEMORY;",
        },
    }


DATABASES = {"default": _database()}

# --- Messages between processes: in memory and files on one box, Redis when scaled ---
REDIS_URL = env.url("AISION_REDIS_URL", ("redis", "rediss", "unix"))
# Gateways of their own may share a Redis; the processes of one gateway share its secret key.
REDIS_PREFIX = f"aision-{sha256(SECRET_KEY.encode()).hexdigest()[:12]}"
if REDIS_URL:
    CHANNEL_LAYERS: dict[str, Any] = {
        "default": {
            "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
            "CONFIG": {"hosts": [REDIS_URL], "prefix": REDIS_PREFIX},
        }
    }
    CELERY_BROKER_URL = REDIS_URL
    CELERY_BROKER_TRANSPORT_OPTIONS = {"global_keyprefix": f"{REDIS_PREFIX}:"}
else:
    CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
    CELERY_BROKER_URL = "aision://localhost"
    CELERY_BROKER_TRANSPORT_OPTIONS = {"folder": str(DATA_DIR / "broker")}
CELERY_TASK_IGNORE_RESULT = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_TIMER_PRECISION = 0.25  # s; at a stop the worker waits for its timer
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TIMEZONE = TIME_ZONE
CELERY_BEAT_SCHEDULE = {
    "prune-results": {"task": "sensing.tasks.prune_results", "schedule": 6 * 3600.0},
    "sum-days": {"task": "sensing.tasks.sum_days", "schedule": 600.0},
    "make-strips": {"task": "sensing.tasks.make_strips", "schedule": 20.0},
    "run-exports": {"task": "sensing.tasks.run_exports", "schedule": 60.0},
    # A message may be lost and a process may die; the rows tell what is still to do.
    "pick-up-jobs": {"task": "models_registry.tasks.work", "schedule": 20.0},
}

# --- REST ---
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "aision.accounts.authentication.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["aision.accounts.permissions.RolePermission"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "sensing.api.errors.handle",
    "COERCE_DECIMAL_TO_STRING": False,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "AISION gateway",
    "DESCRIPTION": "Cameras, scenes, crossings, visits and counts of one gateway.",
    "VERSION": VERSION,
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "SCHEMA_PATH_PREFIX": "/api/v1/",
    "ENUM_NAME_OVERRIDES": {
        "PicturePolicyEnum": "sensing.models.PicturePolicyChoice",
        "SourceKindEnum": "sensing.models.cameras.SourceKindChoice",
        "JobKindEnum": "models_registry.models.JobKind",
        "BenchmarkKindEnum": "models_registry.models.BenchmarkKind",
        "SetOriginEnum": "models_registry.models.SetOrigin",
        "VersionOriginEnum": "models_registry.models.OriginChoice",
    },
}

# --- Uploads and logs ---
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
MODEL_UPLOAD_MAX_BYTES = 512 * 1024 * 1024
LOG_LEVEL = env.text("AISION_LOG_LEVEL", "INFO").upper()
if LOG_LEVEL not in ("DEBUG", "INFO", "WARNING", "ERROR"):
    raise ImproperlyConfigured(
        f"AISION_LOG_LEVEL: expected DEBUG, INFO, WARNING or ERROR, got {LOG_LEVEL!r}"
    )
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    # Each log-in is worth a line only when it is refused.
    "loggers": {"axes": {"level": "WARNING"}},
    "root": {"handlers": ["console"], "level": LOG_LEVEL},
}
