"""A first call in several languages, ready to run."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from portal_api.catalog.domain.api import ContractOperation

PLACEHOLDER = "<your-token>"


@dataclass(frozen=True, slots=True)
class Sample:
    """One language: the text before the token, and after it."""

    language: str
    before: str
    after: str

    def text(self, token: str = PLACEHOLDER) -> str:
        """Whole."""
        return f"{self.before}{token}{self.after}"


def first_path(operations: Sequence[ContractOperation]) -> str:
    """Of a GET that needs nothing but the address; `/` where there is none."""
    plain = [one.path_template for one in operations if one.method == "GET" and "{" not in one.path_template]
    return min(plain, key=len, default="/")


def samples(gateway_url: str, operations: Sequence[ContractOperation]) -> tuple[Sample, ...]:
    """curl, Python and JavaScript, without anything to install beside what the language is used with."""
    url = gateway_url + first_path(operations)
    return (
        Sample("curl", f"curl -i {shlex.quote(url)} \\\n  -H 'Authorization: Bearer ", "'"),
        Sample(
            "Python",
            f'import urllib.request\n\nrequest = urllib.request.Request(\n    "{url}",\n'
            '    headers={"Authorization": "Bearer ',
            '"},\n)\nwith urllib.request.urlopen(request) as response:\n'
            "    print(response.status, response.read().decode())",
        ),
        Sample(
            "JavaScript",
            f'const response = await fetch("{url}", {{\n  headers: {{ Authorization: "Bearer ',
            '" },\n});\nconsole.log(response.status, await response.text());',
        ),
    )
