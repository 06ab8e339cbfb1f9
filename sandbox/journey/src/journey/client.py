"""A person's HTTP client: knows its base URL and token, and turns a refusal into a failed step that quotes it."""

from typing import Any

import httpx

from journey.expect import StepFailed

TIMEOUT_SECONDS = 30


class Client:
    """The REST API as one person uses it."""

    def __init__(self, base_url: str, token: str | None = None) -> None:
        self.base_url = base_url
        self._http = httpx.Client(base_url=base_url, timeout=TIMEOUT_SECONDS)
        self.use_token(token)

    def use_token(self, token: str | None) -> None:
        """Send this bearer token from now on."""
        if token:
            self._http.headers["Authorization"] = f"Bearer {token}"

    def call(self, method: str, path: str, *, expect: tuple[int, ...] = (200, 201, 202), **options: Any) -> Any:
        """The decoded answer. Any other status fails the step with the problem's own words."""
        response = self._http.request(method, path, **options)
        if response.status_code not in expect:
            raise StepFailed(f"{method} {path} answered {response.status_code}: {response.text[:600]}")
        return response.json() if response.content else None

    def get(self, path: str, **options: Any) -> Any:
        """GET."""
        return self.call("GET", path, expect=(200,), **options)

    def post(self, path: str, body: object | None = None, **options: Any) -> Any:
        """POST of JSON."""
        return self.call("POST", path, json=body if body is not None else {}, **options)

    def put(self, path: str, body: object, **options: Any) -> Any:
        """PUT of JSON."""
        return self.call("PUT", path, json=body, **options)
