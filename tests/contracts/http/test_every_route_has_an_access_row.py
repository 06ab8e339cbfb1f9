"""A route that nobody said anything about is a hole: each says who may use it, and isolation tests are made of that."""

from tests.support.route_access import ROUTES, endpoints

from portal_api.main import build
from portal_api.settings import Settings


async def test_every_route_says_who_may_use_it() -> None:
    portal = build(Settings(database_url="postgresql://nobody@127.0.0.1:1/none", encryption_key="a" * 43 + "="))
    keys = [endpoint.key for endpoint in endpoints(portal.app)]
    assert len(keys) > 80
    assert len(set(keys)) == len(keys)
    missing = set(keys) - set(ROUTES)
    assert not missing, "add a row for each to tests/support/route_access.py"
    gone = set(ROUTES) - set(keys)
    assert not gone, "rows of routes that do not exist any more"
