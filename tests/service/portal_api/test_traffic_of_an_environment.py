"""Upstream settings and policies of an environment: checked when saved, carried to the gateway, kept by deployments."""

from collections.abc import Callable

from tests.support.portal import portal, provider_with_api


async def test_policies_are_checked_attached_and_kept(database: Callable[[str], str]) -> None:
    async with portal(database("portal_api")) as here:
        client = await here.signed_up("policies@example.com")
        ids = await provider_with_api(client, "Policies")
        path = f"/v1/apis/{ids['api']}/environments/development/policies"
        assert (await client.put(path, json={"policies": []})).status_code == 409  # nothing is deployed there
        assert (await client.post(f"/v1/apis/{ids['api']}/deployments", json={})).status_code == 201
        kinds = (await client.get("/v1/policy-kinds")).json()["data"]
        assert [kind["kind"] for kind in kinds][:2] == ["cors", "ip-filter"]
        assert all("config_schema" in kind for kind in kinds)
        wrong = {"policies": [{"kind": "ip-filter", "config": {"allow": ["300.0.0.0/8"]}}]}
        answer = await client.put(path, json=wrong)
        assert (answer.status_code, answer.json()["type"].rpartition("/")[2]) == (422, "policy-invalid")
        twice = {"policies": [{"kind": "trace-context", "config": {}}, {"kind": "trace-context", "config": {}}]}
        assert (await client.put(path, json=twice)).status_code == 422
        unknown = {"policies": [{"kind": "trace-context", "config": {}, "operations": [999_999]}]}
        assert (await client.put(path, json=unknown)).status_code == 422
        right = {"policies": [{"kind": "ip-filter", "config": {"allow": ["192.0.2.0/24"]}, "operations": []}]}
        answer = await client.put(path, json=right)
        assert (answer.status_code, answer.json()) == (200, right)
        answer = await client.post(f"/v1/apis/{ids['api']}/deployments", json={})
        assert answer.status_code == 201
        assert (await client.get(path)).json() == right


async def test_upstream_settings_are_checked_and_kept(database: Callable[[str], str]) -> None:
    async with portal(database("portal_api")) as here:
        client = await here.signed_up("upstream@example.com")
        ids = await provider_with_api(client, "Upstream")
        path = f"/v1/apis/{ids['api']}/deployments"
        for wrong in ({"retries": 99}, {"tls_ca_pem": "nothing"}, {"health_path": "no slash"}, {"surprise": 1}):
            assert (await client.post(path, json={"upstream": wrong})).status_code == 422
        answer = await client.post(path, json={"upstream": {"retries": 1, "eject_after_failures": 3}})
        assert answer.status_code == 201
        assert answer.json()["upstream"]["eject_after_failures"] == 3
        answer = await client.post(path, json={})
        assert answer.json()["upstream"]["retries"] == 1
