"""Stripe's errors: status, body and headers as its API answers them."""

from typing import Any

DOCS = "https://docs.stripe.com/error-codes/"


class StripeError(Exception):
    """An error answer. `stored` says whether an Idempotency-Key replays it: refusals before execution are not."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        kind: str = "invalid_request_error",
        code: str | None = None,
        param: str | None = None,
        headers: dict[str, str] | None = None,
        stored: bool = True,
        extra: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers or {}
        self.stored = stored
        self.body: dict[str, Any] = {"message": message, "type": kind}
        if code is not None:
            self.body |= {"code": code, "doc_url": DOCS + code.replace("_", "-")}
        if param is not None:
            self.body["param"] = param
        self.body |= extra or {}


def invalid(message: str, param: str | None = None, code: str | None = None) -> StripeError:
    """A request that cannot be carried out: 400."""
    return StripeError(400, message, param=param, code=code)


def refused_parameter(message: str, param: str, code: str | None = None) -> StripeError:
    """A request that fails validation, before anything was executed: 400, and no idempotent result is kept."""
    return StripeError(400, message, param=param, code=code, stored=False)


def missing_parameter(param: str) -> StripeError:
    """A required parameter is not there."""
    return refused_parameter(f"Missing required param: {param}.", param, "parameter_missing")


def unknown_parameter(param: str) -> StripeError:
    """A parameter that this version of the API does not have."""
    return refused_parameter(f"Received unknown parameter: {param}", param, "parameter_unknown")


def not_modelled(param: str) -> StripeError:
    """A parameter that Stripe has and this double does not: refused, so that nobody believes it was heeded."""
    return refused_parameter(
        f"The Stripe double does not model the parameter {param}. Stripe would accept it.", param, "double_not_modelled"
    )


def no_such(kind: str, object_id: str, param: str | None) -> StripeError:
    """An id that does not exist: 404 for the object itself, 400 for one that a parameter names."""
    return StripeError(
        400 if param else 404, f"No such {kind}: '{object_id}'", code="resource_missing", param=param or "id"
    )


def no_such_route(method: str, path: str) -> StripeError:
    """An endpoint that does not exist (or that the double does not have)."""
    return StripeError(
        404, f"Unrecognized request URL ({method}: {path}). Please see https://stripe.com/docs.", stored=False
    )


# Refusals with a code of their own; every other one is `card_declined` with the bank's reason as its decline code.
_OWN_CODES = frozenset(("expired_card", "incorrect_cvc", "processing_error", "authentication_required"))


def card_code(decline_code: str) -> str:
    """The error's `code` for a decline code."""
    return decline_code if decline_code in _OWN_CODES else "card_declined"


def card_declined(message: str = "Your card was declined.", decline_code: str = "generic_decline") -> StripeError:
    """The bank said no: 402."""
    code = card_code(decline_code)
    return StripeError(402, message, kind="card_error", code=code, extra={"decline_code": decline_code})
