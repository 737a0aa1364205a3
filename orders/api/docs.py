"""``/api/schema/`` and ``/api/docs/``: the description of the API, and a page to read it by."""

from __future__ import annotations

from drf_spectacular.views import SpectacularJSONAPIView, SpectacularSwaggerSplitView
from rest_framework.permissions import AllowAny


class Schema(SpectacularJSONAPIView):
    """The OpenAPI document. It holds no data of anybody, so everybody may read it."""

    authentication_classes = ()
    permission_classes = (AllowAny,)


class Docs(SpectacularSwaggerSplitView):
    """Swagger UI from our own files, under the strict policy: its script comes by itself."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    url_name = "schema"
    template_name = "api/docs.html"
