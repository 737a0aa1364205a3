"""``products/`` and ``sku-aliases/`` of the REST API: the catalogue, by the admin's own rules.

The one module of the catalogue that stands above ``orders``: it is served by the same API.
"""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from django.urls import path, reverse
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from orders.api.contents import publisher_for, wrong
from orders.api.filters import Backend, ProductFilters, SkuFilters, queries_of
from orders.api.permissions import Needs
from orders.api.strict import Strict
from orders.api.views import ApiView, check_match, tagged
from products.models import Product, Publisher, SkuAlias, digits, no_html
from products.sku import MAX_SKU_LENGTH, SkuSyntaxError, format_id_string, parse_id_string, sku_key

READ, WRITE = "catalogue:read", "catalogue:write"
MAX_ID_STRING = 20_000
ID_STRING = "The shop's SKUs as TrepStar writes them: one, or several as {VTD234-100}{VTD333-200}."


class ProductShape(serializers.ModelSerializer[Product]):
    publisher = serializers.CharField(source="publisher.publisher_id")
    package = serializers.ChoiceField(choices=Product.Package.choices)
    ecommerce_id_string = serializers.SerializerMethodField(help_text=ID_STRING)

    class Meta:
        model = Product
        fields = (
            "id",
            "publisher",
            "project_id",
            "title",
            "package",
            "price",
            "special_text",
            "active",
            "ecommerce_id_string",
        )
        read_only_fields = fields

    def get_ecommerce_id_string(self, product: Product) -> str:
        return format_id_string([alias.sku for alias in product.aliases.all()])


class ProductChanges(Strict):
    project_id = serializers.CharField(required=False, max_length=12, validators=[digits])
    title = serializers.CharField(required=False, max_length=200)
    package = serializers.ChoiceField(required=False, choices=Product.Package.choices)
    price = serializers.DecimalField(
        required=False, max_digits=8, decimal_places=2, min_value=0, help_text="In USD."
    )
    special_text = serializers.CharField(
        required=False, allow_blank=True, max_length=500, validators=[no_html]
    )
    active = serializers.BooleanField(required=False)
    ecommerce_id_string = serializers.CharField(
        required=False, allow_blank=True, max_length=MAX_ID_STRING, help_text=ID_STRING
    )

    def validate_ecommerce_id_string(self, text: str) -> list[str]:
        try:
            return parse_id_string(text)
        except SkuSyntaxError as error:
            raise serializers.ValidationError(f"{error}.", code="grammar") from None


class ProductForm(ProductChanges):
    publisher = serializers.CharField(required=False, max_length=10)

    always = ("project_id", "title")


class SkuShape(serializers.ModelSerializer[SkuAlias]):
    publisher = serializers.CharField(source="publisher.publisher_id")
    product = serializers.IntegerField(
        source="product_id", allow_null=True, help_text="Null: known, and not ours to make."
    )

    class Meta:
        model = SkuAlias
        fields = ("id", "publisher", "sku", "product")
        read_only_fields = fields


class SkuChanges(Strict):
    sku = serializers.CharField(required=False, max_length=MAX_SKU_LENGTH)
    product = serializers.IntegerField(
        required=False,
        allow_null=True,
        min_value=1,
        max_value=2**53,
        help_text="Null: the SKU is known, and is not ours to make.",
    )


class SkuForm(SkuChanges):
    publisher = serializers.CharField(required=False, max_length=10)

    always = ("sku", "product")


def products_of(user: Any) -> QuerySet[Product]:
    """Return the products that ``user`` may see, with all that is shown of them."""
    rows = Product.objects.filter(publisher__in=Publisher.objects.for_user(user))
    return rows.select_related("publisher").prefetch_related("aliases")


def skus_of(user: Any) -> QuerySet[SkuAlias]:
    """Return the SKUs that ``user`` may see."""
    rows = SkuAlias.objects.filter(publisher__in=Publisher.objects.for_user(user))
    return rows.select_related("publisher")


def _locked(request: Request, rows: QuerySet[Any], pk: int, shape: Any) -> Any:
    """Return a row, locked, as the caller looked at it; ``shape`` is how it is shown."""
    row = get_object_or_404(rows.select_for_update(of=("self",), no_key=True), pk=pk)
    check_match(request, shape(row).data)
    return row


def _save_product(product: Product, form: dict[str, Any]) -> None:
    """Save what the form changes, the product's SKUs among it."""
    skus = form.pop("ecommerce_id_string", None)
    same = Product.objects.filter(
        publisher=product.publisher, project_id=form.get("project_id", product.project_id)
    )
    if same.exclude(pk=product.pk).exists():
        raise wrong("project_id", "taken", "This publisher has a product with this project id.")
    for name, value in form.items():
        setattr(product, name, value)
    if product.pk is None:
        product.save()
    elif form:
        product.save(update_fields=sorted(form))
    if skus is not None:
        _set_skus(product, skus)


def _set_skus(product: Product, skus: list[str]) -> None:
    wanted = {sku_key(sku): sku for sku in skus}
    known = SkuAlias.objects.filter(publisher=product.publisher, key__in=wanted)
    for alias in known.exclude(product=product).select_related("product"):
        owner = alias.product or "the SKUs that are not ours"
        told = f"The SKU {alias.sku} already belongs to {owner}."
        raise wrong("ecommerce_id_string", "taken", told)
    for alias in SkuAlias.objects.filter(product=product):
        if wanted.pop(alias.key, None) is None:
            alias.delete()
    for sku in wanted.values():
        SkuAlias.objects.create(publisher=product.publisher, product=product, sku=sku)


def _save_sku(alias: SkuAlias, form: dict[str, Any]) -> None:
    sku = form.get("sku", alias.sku)
    same = SkuAlias.objects.filter(publisher=alias.publisher, key=sku_key(sku))
    if same.exclude(pk=alias.pk).exists():
        raise wrong("sku", "taken", "This publisher has this SKU already.")
    if (product := form.get("product")) is not None:
        mine = Product.objects.filter(publisher=alias.publisher, pk=product)
        if not mine.exists():
            raise wrong("product", "unknown_product", "This publisher has no such product.")
    alias.sku, alias.product_id = sku, form.get("product", alias.product_id)
    alias.save()


class Products(ApiView):
    serializer_class = ProductShape
    queryset = Product.objects.none()
    filter_backends = (Backend,)
    filterset_class = ProductFilters
    query_names = queries_of(ProductFilters)
    needs = {
        "GET": Needs(READ, "products.view_product"),
        "POST": Needs(WRITE, "products.add_product"),
    }

    @extend_schema(operation_id="products_list", responses=ProductShape(many=True))
    def get(self, request: Request) -> Response:
        """List products with their SKUs, the newest first."""
        return self.listed(request, products_of(request.user))

    @extend_schema(
        operation_id="products_create", request=ProductForm, responses={201: ProductShape}
    )
    def post(self, request: Request) -> Response:
        """Add a product: a project at TrepStar, with the shop's SKUs for it."""
        return self.once(request, lambda: self._add(request))

    def _add(self, request: Request) -> Response:
        form = self.checked(ProductForm, request)
        product = Product(publisher=publisher_for(request.user, form.pop("publisher", None)))
        _save_product(product, form)
        shown = ProductShape(products_of(request.user).get(pk=product.pk)).data
        where = request.build_absolute_uri(reverse("api:product", args=[product.pk]))
        return tagged(shown, 201, Location=where)


class OneProduct(ApiView):
    serializer_class = ProductShape
    needs = {
        "GET": Needs(READ, "products.view_product"),
        "PATCH": Needs(WRITE, "products.change_product"),
    }
    if_match = {"PATCH": False}

    @extend_schema(operation_id="products_retrieve")
    def get(self, request: Request, pk: int) -> Response:
        """Read one product with its SKUs. Its `ETag` changes with anything that is shown of it."""
        return tagged(ProductShape(get_object_or_404(products_of(request.user), pk=pk)).data)

    @extend_schema(operation_id="products_update", request=ProductChanges, responses=ProductShape)
    def patch(self, request: Request, pk: int) -> Response:
        """Change a product. `ecommerce_id_string` replaces its SKUs as a whole."""
        return self.once(request, lambda: self._change(request, pk))

    def _change(self, request: Request, pk: int) -> Response:
        product = _locked(request, products_of(request.user), pk, ProductShape)
        _save_product(product, self.checked(ProductChanges, request))
        return tagged(ProductShape(products_of(request.user).get(pk=pk)).data)


class Skus(ApiView):
    serializer_class = SkuShape
    queryset = SkuAlias.objects.none()
    filter_backends = (Backend,)
    filterset_class = SkuFilters
    query_names = queries_of(SkuFilters)
    needs = {
        "GET": Needs(READ, "products.view_skualias"),
        "POST": Needs(WRITE, "products.add_skualias"),
    }

    @extend_schema(operation_id="sku_aliases_list", responses=SkuShape(many=True))
    def get(self, request: Request) -> Response:
        """List SKUs and the products that they stand for, the newest first."""
        return self.listed(request, skus_of(request.user))

    @extend_schema(operation_id="sku_aliases_create", request=SkuForm, responses={201: SkuShape})
    def post(self, request: Request) -> Response:
        """Add a SKU: of a product, or, with null, known and not ours to make."""
        return self.once(request, lambda: self._add(request))

    def _add(self, request: Request) -> Response:
        form = self.checked(SkuForm, request)
        alias = SkuAlias(publisher=publisher_for(request.user, form.pop("publisher", None)))
        _save_sku(alias, form)
        where = request.build_absolute_uri(reverse("api:sku-alias", args=[alias.pk]))
        return tagged(SkuShape(alias).data, 201, Location=where)


class OneSku(ApiView):
    serializer_class = SkuShape
    needs = {
        "GET": Needs(READ, "products.view_skualias"),
        "PATCH": Needs(WRITE, "products.change_skualias"),
        "DELETE": Needs(WRITE, "products.delete_skualias"),
    }
    if_match = {"PATCH": False, "DELETE": False}

    @extend_schema(operation_id="sku_aliases_retrieve")
    def get(self, request: Request, pk: int) -> Response:
        """Read one SKU. Its `ETag` changes with anything that is shown of it."""
        return tagged(SkuShape(get_object_or_404(skus_of(request.user), pk=pk)).data)

    @extend_schema(operation_id="sku_aliases_update", request=SkuChanges, responses=SkuShape)
    def patch(self, request: Request, pk: int) -> Response:
        """Change a SKU, or what it stands for."""
        return self.once(request, lambda: self._change(request, pk))

    def _change(self, request: Request, pk: int) -> Response:
        alias = _locked(request, skus_of(request.user), pk, SkuShape)
        _save_sku(alias, self.checked(SkuChanges, request))
        return tagged(SkuShape(alias).data)

    @extend_schema(operation_id="sku_aliases_delete", responses={204: None})
    def delete(self, request: Request, pk: int) -> Response:
        """Forget a SKU. Orders that were made of it stay as they are."""
        with transaction.atomic():
            _locked(request, skus_of(request.user), pk, SkuShape).delete()
        return Response(status=204)


urlpatterns = [
    path("products/", Products.as_view(), name="products"),
    path("products/<row:pk>/", OneProduct.as_view(), name="product"),
    path("sku-aliases/", Skus.as_view(), name="sku-aliases"),
    path("sku-aliases/<row:pk>/", OneSku.as_view(), name="sku-alias"),
]
