"""Settings of the site."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from models_registry.errors import Refused
from sensing.forms import SiteForm
from sensing.selectors import current_site
from sensing.services import site_change


@require_http_methods(["GET", "HEAD", "POST"])
@permission_required("sensing.view_site", raise_exception=True)
def settings_page(request: HttpRequest) -> HttpResponse:
    user = request.user
    assert isinstance(user, User)
    may_change = user.has_perm("sensing.change_site")
    form = SiteForm(request.POST or None, site=current_site())
    if request.method == "POST":
        if not may_change:
            return render(request, "403.html", status=403)
        if form.is_valid():
            try:
                site_change(by=user, **form.changes())
            except Refused as refused:
                form.add_refusal(refused)
            else:
                messages.success(request, _("The settings are saved."))
                return redirect("settings")
    status = 422 if form.errors else 200
    return render(request, "settings.html", {"form": form, "may_change": may_change}, status=status)
