"""What a request takes: a scope of the token, or a permission of the member of staff."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rest_framework.exceptions import MethodNotAllowed, PermissionDenied
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from products.models import ApiToken


@dataclass(frozen=True)
class Needs:
    """What one method of one address takes: ``scope`` of a token, ``permission`` of a person."""

    scope: str
    permission: str


class MayDo(BasePermission):
    """Compare a request with the ``needs`` of its view, by method."""

    def has_permission(self, request: Request, view: Any) -> bool:
        if not request.user or not request.user.is_authenticated:
            return False
        method = "GET" if request.method == "HEAD" else str(request.method)
        needs: Needs | None = view.needs.get(method)
        if needs is None:
            raise MethodNotAllowed(method)
        if isinstance(request.auth, ApiToken):
            if not request.auth.allows(needs.scope):
                raise PermissionDenied(f"This token lacks the scope {needs.scope}.")
        elif not request.user.has_perm(needs.permission):
            raise PermissionDenied(f"You lack the permission {needs.permission}.")
        return True
