"""API tokens: made, shown once, revoked."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from aision.accounts.forms import TokenForm
from aision.accounts.models import ApiToken
from aision.accounts.services import token_create


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@permission_required("accounts.view_apitoken", raise_exception=True)
def token_list(request: HttpRequest) -> HttpResponse:
    user = _user(request)
    form, secret = TokenForm(request.POST or None), None
    if request.method == "POST":
        if not user.has_perm("accounts.add_apitoken"):
            return render(request, "403.html", status=403)
        if form.is_valid():
            # Answered without a redirect: the secret is in this one page and nowhere else.
            _token, secret = token_create(
                owner=user,
                name=form.cleaned_data["name"],
                scope=form.cleaned_data["scope"],
                expires_at=form.expires_at(),
            )
            form = TokenForm()
    context = {"form": form, "secret": secret, "tokens": _tokens(user)}
    return render(request, "tokens.html", context, status=422 if form.errors else 200)


@require_POST
@permission_required("accounts.delete_apitoken", raise_exception=True)
def token_revoke(request: HttpRequest, pk: int) -> HttpResponse:
    token = get_object_or_404(_tokens(_user(request)), pk=pk)
    token.delete()
    messages.success(request, _("The token “%(name)s” no longer works.") % {"name": token.name})
    return redirect("token_list")


def _tokens(user: User) -> QuerySet[ApiToken]:
    """One's own; an admin may see and revoke everyone's."""
    tokens = ApiToken.objects.select_related("owner")
    return tokens if user.has_perm("auth.change_user") else tokens.filter(owner=user)


def _user(request: HttpRequest) -> User:
    # Every page needs a log-in, so nobody is anonymous here.
    assert isinstance(request.user, User)
    return request.user
