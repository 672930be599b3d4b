"""Every URL of the application."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import LoginView, LogoutView
from django.urls import include, path
from django.views.i18n import JavaScriptCatalog

from aision import views

urlpatterns = [
    path("", include("sensing.urls")),
    path("models/", include("models_registry.urls")),
    path("", include("aision.accounts.urls")),
    path("api/v1/", include("sensing.api.urls")),
    path("admin/", admin.site.urls),
    path("login/", LoginView.as_view(redirect_authenticated_user=True), name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("healthz", views.healthz, name="healthz"),
    path(
        "jsi18n/",
        login_not_required(JavaScriptCatalog.as_view(domain="djangojs")),
        name="javascript_catalog",
    ),
]

handler404 = views.not_found
handler500 = views.defect
