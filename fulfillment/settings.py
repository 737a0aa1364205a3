"""Every setting of the desk, from the environment or ``.env``; ``.env.example`` lists them."""

from __future__ import annotations

import math
from typing import Any

from fulfillment.env import (
    BASE_DIR,
    database,
    email_url,
    env,
    field_keys,
    http_address,
    mail_address,
    one_of,
    one_sentence,
    seconds,
    time_zone,
    two_seconds,
    whole,
)

with one_sentence():
    DEBUG = env.bool("DEBUG", False)
    HTTPS = env.bool("HTTPS", True)
    BEHIND_PROXY = env.bool("BEHIND_PROXY", False)
    REQUIRE_TOTP = env.bool("REQUIRE_TOTP", False)
    SECRET_KEY = env.str("SECRET_KEY", "not-secret-" * 5 if DEBUG else None)
    if len(SECRET_KEY or "") < 50:
        raise ValueError("SECRET_KEY must be set to at least 50 random characters")
    FIELD_KEYS = field_keys("FIELD_KEYS")
    ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", ["localhost", "127.0.0.1", "[::1]"])
    CSRF_TRUSTED_ORIGINS: list[str] = env.list("CSRF_TRUSTED_ORIGINS", [])
    DATABASES = {"default": database("DATABASE_URL", f"sqlite:///{BASE_DIR}/var/desk.sqlite3")}
    TIME_ZONE = time_zone("TIME_ZONE", "UTC")
    LOG_FORMAT = one_of("LOG_FORMAT", "text", ("text", "json"))
    LOG_LEVEL = one_of("LOG_LEVEL", "INFO", ("DEBUG", "INFO", "WARNING", "ERROR"))

    TREPSTAR_URL = http_address("TREPSTAR_URL", "https://www.trepstar.com")
    TREPSTAR_TIMEOUT = seconds("TREPSTAR_TIMEOUT", 45, least=0.1)
    STATUS_CALLS_PER_DAY = whole("STATUS_CALLS_PER_DAY", 950, least=1, most=100_000)
    WEBHOOK_MAX_BYTES = whole("WEBHOOK_MAX_BYTES", 4 * 1024 * 1024, least=1024, most=64 * 1024**2)

    SITE_URL = http_address("SITE_URL", "")
    DEFAULT_FROM_EMAIL = SERVER_EMAIL = mail_address("DEFAULT_FROM_EMAIL", "desk@localhost")
    globals().update(email_url("EMAIL_URL"))
    ALLOW_PRIVATE_TARGETS = env.bool("ALLOW_PRIVATE_TARGETS", False)
    API_RATE = whole("API_RATE", 600, least=1, most=1_000_000)

    Q_WORKERS = whole("Q_WORKERS", 2, least=1, most=32)
    WORKER_NICE = whole("WORKER_NICE", 15, least=0, most=19)
    CLUSTER_NAME = env.str("CLUSTER_NAME", "")  # set by qworker for each of its clusters
    SUBMIT_IN_FLIGHT = whole("SUBMIT_IN_FLIGHT", 4, least=1, most=64)
    SUBMIT_IN_FLIGHT_PER_PUBLISHER = whole("SUBMIT_IN_FLIGHT_PER_PUBLISHER", 2, least=1, most=64)
    KEEP_ADDRESS_DAYS = whole("KEEP_ADDRESS_DAYS", 180, least=30, most=3650)
    LEASE_SECONDS = seconds("LEASE_SECONDS", 90, least=0.5)
    SWEEP_SECONDS = seconds("SWEEP_SECONDS", 30, least=0.1)
    SYNC_SECONDS = seconds("SYNC_SECONDS", 900, least=0.5)
    COOL_OFF_SECONDS = seconds("COOL_OFF_SECONDS", 0)
    HEARTBEAT_SECONDS = seconds("HEARTBEAT_SECONDS", 90, least=1)
    ASK_AFTER_SECONDS = two_seconds("ASK_AFTER_SECONDS", (300, 600))
    RETRY_SECONDS = two_seconds("RETRY_SECONDS", (60, 3600))
    PROBE_SECONDS = two_seconds("PROBE_SECONDS", (60, 900))
    if LEASE_SECONDS <= TREPSTAR_TIMEOUT:
        raise ValueError("LEASE_SECONDS must be larger than TREPSTAR_TIMEOUT")
    # A cluster is silent while it sends; it must not be taken for frozen then.
    if HEARTBEAT_SECONDS < TREPSTAR_TIMEOUT + 20:
        raise ValueError("HEARTBEAT_SECONDS must be at least TREPSTAR_TIMEOUT and 20 seconds")

INSTALLED_APPS = [
    "fulfillment.apps.DeskAdminConfig",
    "fulfillment.apps.FulfillmentConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_q",
    "csp",
    "axes",
    "django_otp",
    "fulfillment.apps.OneTimePasswordsConfig",
    "products.apps.ProductsConfig",
    "orders.apps.OrdersConfig",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_otp.middleware.OTPMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "fulfillment.urls"
WSGI_APPLICATION = "fulfillment.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

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
            ],
        },
    }
]

EMAIL_TIMEOUT = 10
EMAIL_SUBJECT_PREFIX = ""

# Signing in
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
        "NumericPasswordValidator",
    )
]
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = 0.25  # hours
# By user and address together, so that a stranger cannot lock a colleague out.
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_VERBOSE = False
AXES_CLIENT_IP_CALLABLE = "fulfillment.proxy.client_address"
AXES_ENABLE_ADMIN = False
OTP_ADMIN_HIDE_SENSITIVE_DATA = True

# HTTPS, cookies and headers
SECURE_SSL_REDIRECT = HTTPS
SECURE_REDIRECT_EXEMPT = [r"^webhooks/", r"^healthz$", r"^readyz$", r"^metrics$"]
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
SECURE_HSTS_PRELOAD = HTTPS
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_NAME = "__Host-session" if HTTPS else "session"
CSRF_COOKIE_NAME = "__Host-csrf" if HTTPS else "csrf"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 8 * 3600
X_FRAME_OPTIONS = "DENY"
if BEHIND_PROXY:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "object-src": ["'none'"],
        "base-uri": ["'none'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
    }
}
DATA_UPLOAD_MAX_MEMORY_SIZE = WEBHOOK_MAX_BYTES + 1
FILE_UPLOAD_HANDLERS = [
    "fulfillment.uploads.LimitedUpload",
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "django.core.files.uploadhandler.TemporaryFileUploadHandler",
]

# Texts and files
LANGUAGE_CODE = "en-us"
USE_I18N = False
USE_TZ = True
STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "var" / "static"
STATICFILES_DIRS = [BASE_DIR / "fulfillment" / "assets"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}

REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": [],
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAdminUser"],
    "URL_FORMAT_OVERRIDE": None,
    "DEFAULT_SCHEMA_CLASS": "orders.api.schema.DeskSchema",
}

SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": "Fulfilment desk",
    "VERSION": "1",
    "DESCRIPTION": "Orders, catalogue and deliveries of a fulfilment desk.",
    "OAS_VERSION": "3.0.3",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "COMPONENT_SPLIT_REQUEST": True,
    "PREPROCESSING_HOOKS": ["orders.api.schema.only_ours"],
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "orders.api.schema.closed_forms",
    ],
    "ENUM_NAME_OVERRIDES": {
        "OrderStatus": "orders.status.CHOICES",
        "DeliveryOutcome": "orders.models.shopify.Outcome.choices",
        "DeliveryLineOutcome": "orders.api.deliveries.LINE_OUTCOMES",
        "AttemptOutcome": "orders.api.order_shapes.ATTEMPT_OUTCOMES",
        "RowStatus": "orders.api.order_shapes.ROW_STATUS",
        "HookEvent": "orders.api.webhooks.EVENT_CHOICES",
        "HookState": "orders.api.webhooks.STATES",
        "HookMessageState": "orders.api.webhooks.MESSAGE_STATES",
        "TypeEnum": "orders.api.problems.KINDS",
    },
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SWAGGER_UI_SETTINGS": {
        "deepLinking": True,
        "docExpansion": "list",
        "defaultModelsExpandDepth": 0,
    },
}

# The courier. The tables are the queue: a lost task delays an order by one sweep and no more.
_TASK_SECONDS = math.ceil(TREPSTAR_TIMEOUT) + 30
Q_CLUSTER: dict[str, Any] = {
    "name": "desk",
    "label": "Background jobs",
    "orm": "default",
    "workers": 1,
    "queue_limit": 1,
    "bulk": 1,
    "timeout": _TASK_SECONDS,
    # The lock on a task counts from its fetch: it must outlast the tasks fetched before it.
    "retry": _TASK_SECONDS * 3 + 30,
    "max_attempts": 1,
    "ack_failures": True,
    "save_limit": -1,
    "catch_up": False,
    "poll": 0.2,
    "recycle": 500,
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "text": {
            "()": "fulfillment.logs.TextFormatter",
            "format": "%(asctime)s %(levelname)s %(name)s %(message)s",
        },
        "json": {"()": "fulfillment.logs.JsonFormatter"},
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": LOG_FORMAT}},
    "root": {"handlers": ["console"], "level": LOG_LEVEL},
    "loggers": {
        "django-q": {"level": "WARNING"},
        "axes": {"level": "WARNING"},
    },
}
