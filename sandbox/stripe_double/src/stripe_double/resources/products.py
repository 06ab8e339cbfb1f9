"""Products."""

import copy
from typing import Any

from stripe_double.errors import invalid
from stripe_double.request.operations import LIST, Operation, within
from stripe_double.request.paging import page
from stripe_double.store import Object
from stripe_double.work import Work, merge_metadata

_TEXTS = (
    "name",
    "active",
    "description",
    "url",
    "unit_label",
    "statement_descriptor",
    "tax_code",
    "images",
    "default_price",
)


def create_product(work: Work, params: dict[str, Any]) -> Object:
    """A product, also from a price's `product_data`."""
    if params.get("id") and work.get(params["id"]):
        raise invalid("Product already exists.", "id", "resource_already_exists")
    product = work.new(
        "product",
        "prod",
        {
            "active": params.get("active", True),
            "default_price": None,
            "description": params.get("description"),
            "images": params.get("images", []),
            "marketing_features": [],
            "name": params["name"],
            "package_dimensions": None,
            "shippable": None,
            "statement_descriptor": params.get("statement_descriptor"),
            "tax_code": params.get("tax_code"),
            "type": "service",
            "unit_label": params.get("unit_label"),
            "updated": work.second,
            "url": params.get("url"),
        },
    )
    product["id"] = params.get("id") or product["id"]
    merge_metadata(product, params.get("metadata"))
    work.save(product)
    work.emit("product.created", product)
    return product


def _retrieve(work: Work, _: dict[str, Any], product_id: str) -> Object:
    return work.require("product", product_id)


def _update(work: Work, params: dict[str, Any], product_id: str) -> Object:
    product = work.require("product", product_id)
    before = copy.deepcopy(product)
    for name in _TEXTS:
        if name in params:
            product[name] = params[name] if params[name] != "" else None
    merge_metadata(product, params.get("metadata"))
    product["updated"] = work.second
    work.save(product)
    work.emit_update("product.updated", before, product)
    return product


def _delete(work: Work, _: dict[str, Any], product_id: str) -> Object:
    product = work.require("product", product_id)
    if any(price["product"] == product_id for price in work.of_kind("price")):
        raise invalid("This product cannot be deleted because it has one or more user-created prices.")
    work.store.delete(work.account_id, product_id)
    work.emit("product.deleted", product)
    return {"id": product_id, "object": "product", "deleted": True}


def _list(work: Work, params: dict[str, Any]) -> Object:
    found = (
        product
        for product in work.of_kind("product")
        if params.get("active") in (None, product["active"])
        and ("ids" not in params or product["id"] in params["ids"])
        and within(product["created"], params.get("created"))
    )
    return page(work, "/v1/products", found, params)


OPERATIONS = (
    Operation(
        "POST",
        "/v1/products",
        "_product_create_params.ProductCreateParams",
        create_product,
        "id name active description images metadata statement_descriptor tax_code unit_label url type",
    ),
    Operation("GET", "/v1/products", "_product_list_params.ProductListParams", _list, f"{LIST} active ids created"),
    Operation("GET", "/v1/products/{id}", "_product_retrieve_params.ProductRetrieveParams", _retrieve),
    Operation(
        "POST",
        "/v1/products/{id}",
        "_product_update_params.ProductUpdateParams",
        _update,
        " ".join(_TEXTS) + " metadata",
    ),
    Operation("DELETE", "/v1/products/{id}", "_product_delete_params.ProductDeleteParams", _delete),
)
