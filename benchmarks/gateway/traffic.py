"""What wrk sends: Lua scripts with whole requests made before the clock runs."""

import secrets
from pathlib import Path

from benchmarks.gateway.world import APPLICATIONS, HOST, PREFIX, World

ROTATING = 2_048
_HEAD = (
    "GET {prefix}/orders/ord_{id} HTTP/1.1\\r\\nHost: {host}\\r\\n"
    "User-Agent: example-sdk/3.4.1 (linux; x86_64) python/3.12\\r\\nAccept: application/json\\r\\n"
    "Accept-Encoding: gzip, deflate\\r\\nAuthorization: Bearer {token}\\r\\nX-Request-Id: {request_id}\\r\\n\\r\\n"
)
_SCRIPT = """local requests = {{
{requests}
}}
local at, count = 0, {count}
function request()
  at = at % count + 1
  return requests[at]
end
"""
# Each connection waits between its calls, at random so that they do not march in step.
_PACED = """
math.randomseed({seed})
function delay()
  return math.random(0, {longest_ms})
end
"""


class Traffic:
    """Scripts in a folder; tokens are signed here, none while a measurement runs."""

    def __init__(self, folder: Path, world: World) -> None:
        self._folder = folder
        self._world = world
        self._tokens = [world.token(number) for number in range(APPLICATIONS)]

    def _write(self, name: str, tokens: list[str], count: int, extra: str = "") -> Path:
        requests = ",\n".join(
            '"'
            + _HEAD.format(
                prefix=PREFIX,
                id=secrets.token_hex(8),
                host=HOST,
                token=tokens[number % len(tokens)],
                request_id=secrets.token_hex(16),
            )
            + '"'
            for number in range(count)
        )
        path = self._folder / f"{name}.lua"
        path.write_text(_SCRIPT.format(requests=requests, count=count) + extra)
        return path

    def warm(self) -> Path:
        """64 tokens, 2,048 targets and request ids in turn."""
        return self._write("warm", self._tokens, ROTATING)

    def paced(self, connections: int, calls_per_second: int) -> Path:
        """The same at a rate that does not depend on the gateway, as far as it is quick."""
        longest = round(2 * connections * 1000 / calls_per_second)
        return self._write("paced", self._tokens, ROTATING, _PACED.format(seed=7, longest_ms=longest))

    def cold(self, count: int) -> Path:
        """`count` tokens that no gateway has seen."""
        return self._write("cold", [self._world.token(number) for number in range(count)], count)
