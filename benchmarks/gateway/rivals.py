"""nginx as a plain proxy, Envoy with our features, and the upstream behind all of them."""

import json
from pathlib import Path

from benchmarks.gateway.world import CALLS_PER_SECOND, HOST, ISSUER, OPERATIONS, ORGANIZATION, PREFIX, World

# 513 bytes, as an order of a shop may look.
BODY = (
    '{"id":"ord_01J8Z5X7Q2M4","object":"order","status":"confirmed","currency":"EUR","amount":12999,"customer":'
    '{"id":"cus_9f8e7d6c5b4a","name":"Example Customer GmbH","country":"DE"},"lines":[{"sku":"SKU-1001","qty":2,'
    '"unit":4999,"desc":"Industrial widget, blue"},{"sku":"SKU-2040","qty":1,"unit":3001,"desc":"Mounting bracket, '
    'steel"}],"shipping":{"carrier":"DHL","service":"express","eta":"2026-01-15"},"created":"2026-01-10T09:30:00Z",'
    '"updated":"2026-01-10T09:31:12Z","links":{"self":"/v1/orders/ord_01J8Z5X7Q2M4"}}'
)

_NGINX = """worker_processes {workers};
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
daemon off;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  server_tokens off;
  keepalive_requests 1000000000;
  keepalive_timeout 3600s;
  default_type application/json;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
{servers}
}}
"""
# All proxy_set_header lines stand in one place: one inside a location would drop the others, and keep-alive with them.
_PROXY = """  upstream backend {{
    server 127.0.0.1:{upstream_port}; keepalive 256; keepalive_requests 1000000000; keepalive_timeout 3600s;
  }}
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location /acme/ {{
      proxy_pass http://backend; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host;
    }}
  }}"""
_UPSTREAM = """  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location / {{ return 200 '{body}'; }}
  }}"""


def nginx_configuration(folder: Path, servers: str, workers: int) -> Path:
    """A new folder with the configuration of these servers; the file."""
    folder.mkdir(parents=True)
    path = folder / "nginx.conf"
    path.write_text(_NGINX.format(folder=folder, servers=servers, workers=workers))
    return path


def nginx_upstream(folder: Path, port: int) -> Path:
    """The configuration of the upstream: keep-alive, one small JSON answer."""
    return nginx_configuration(folder, _UPSTREAM.format(port=port, body=BODY), 1)


def nginx_proxy(folder: Path, port: int, upstream_port: int, workers: int) -> Path:
    """A plain reverse proxy: no authentication, no limit, no log."""
    return nginx_configuration(folder, _PROXY.format(port=port, upstream_port=upstream_port), workers)


def _typed(kind: str, **fields: object) -> dict[str, object]:
    return {"@type": f"type.googleapis.com/envoy.{kind}", **fields}


def _header(name: str, header: str) -> dict[str, object]:
    kind = "type.matcher.v3.HttpRequestHeaderMatchInput"
    return {"name": name, "typed_config": _typed(kind, header_name=header)}


def _action(name: str, action: str) -> dict[str, object]:
    typed = _typed("config.rbac.v3.Action", name=name, action=action)
    return {"action": {"name": name, "typed_config": typed}}


def _jwt(world: World) -> dict[str, object]:
    provider = {
        "issuer": ISSUER, "audiences": [ORGANIZATION], "forward": False,
        "local_jwks": {"inline_string": json.dumps({"keys": [world.jwk]})},
        "claim_to_headers": [{"header_name": "x-client-id", "claim_name": "client_id"}],
        "payload_in_metadata": "jwt", "jwt_cache_config": {"jwt_cache_size": 10_000},
    }  # fmt: skip
    rules = [{"match": {"prefix": PREFIX}, "requires": {"provider_name": "idp"}}]
    kind = "extensions.filters.http.jwt_authn.v3.JwtAuthentication"
    return {
        "name": "envoy.filters.http.jwt_authn",
        "typed_config": _typed(kind, providers={"idp": provider}, rules=rules),
    }


def _access(world: World) -> dict[str, object]:
    tree = {
        "input": _header("client", "x-client-id"),
        "exact_match_map": {"map": {client: _action("allow", "ALLOW") for client in world.clients}},
    }
    matcher = {"matcher_tree": tree, "on_no_match": _action("deny", "DENY")}
    return {
        "name": "envoy.filters.http.rbac",
        "typed_config": _typed("extensions.filters.http.rbac.v3.RBAC", matcher=matcher),
    }


def _rate_limit() -> dict[str, object]:
    always = {"default_value": {"numerator": 100, "denominator": "HUNDRED"}}
    bucket = {"max_tokens": CALLS_PER_SECOND, "tokens_per_fill": CALLS_PER_SECOND, "fill_interval": "1s"}
    action = {"request_headers": {"header_name": "x-client-id", "descriptor_key": "client"}}
    return {
        "name": "envoy.filters.http.local_ratelimit",
        "typed_config": _typed(
            "extensions.filters.http.local_ratelimit.v3.LocalRateLimit",
            stat_prefix="limit",
            token_bucket=bucket | {"max_tokens": 10**8, "tokens_per_fill": 10**8},
            filter_enabled=always,
            filter_enforced=always,
            enable_x_ratelimit_headers="DRAFT_VERSION_03",
            max_dynamic_descriptors=10_000,
            descriptors=[{"entries": [{"key": "client", "value": ""}], "token_bucket": bucket}],
            rate_limits=[{"actions": [action]}],
        ),
    }


def _call_log(folder: Path) -> dict[str, object]:
    fields = {
        "ts": "%START_TIME%", "client": "%REQ(X-CLIENT-ID)%", "method": "%REQ(:METHOD)%", "path": "%REQ(:PATH)%",
        "route": "%ROUTE_NAME%", "status": "%RESPONSE_CODE%", "rx": "%BYTES_RECEIVED%", "tx": "%BYTES_SENT%",
        "duration": "%DURATION%", "id": "%REQ(X-REQUEST-ID)%",
    }  # fmt: skip
    kind = "extensions.access_loggers.file.v3.FileAccessLog"
    path = str(folder / "calls.log")
    return {
        "name": "envoy.access_loggers.file",
        "typed_config": _typed(kind, path=path, log_format={"json_format": fields}),
    }


def envoy(folder: Path, port: int, upstream_port: int, world: World) -> Path:
    """Envoy with what we do: routes, JWT with its cache, access per client, limit per client, a record of each call."""
    folder.mkdir(parents=True)
    routes = [
        {
            "name": f"operation_{number}",
            "match": {
                "prefix": PREFIX + template.removesuffix("{id}"),
                "headers": [{"name": ":method", "string_match": {"exact": method}}],
            },
            "route": {"cluster": "upstream"},
        }
        for number, (method, template) in enumerate(OPERATIONS)
    ]
    router = {
        "name": "envoy.filters.http.router",
        "typed_config": _typed("extensions.filters.http.router.v3.Router"),
    }
    manager = _typed(
        "extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        stat_prefix="calls",
        codec_type="HTTP1",
        access_log=[_call_log(folder)],
        preserve_external_request_id=True,
        route_config={
            "name": "routes",
            "virtual_hosts": [{"name": "orders", "domains": [HOST], "routes": routes}],
        },
        http_filters=[_jwt(world), _access(world), _rate_limit(), router],
    )
    upstream = {"endpoint": {"address": _address(upstream_port)}}
    document = {
        "static_resources": {
            "listeners": [
                {
                    "name": "calls",
                    "address": _address(port),
                    "filter_chains": [
                        {
                            "filters": [
                                {"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}
                            ]
                        }
                    ],
                }
            ],
            "clusters": [
                {
                    "name": "upstream",
                    "type": "STATIC",
                    "connect_timeout": "1s",
                    "load_assignment": {"cluster_name": "upstream", "endpoints": [{"lb_endpoints": [upstream]}]},
                }
            ],
        }
    }
    path = folder / "envoy.json"
    path.write_text(json.dumps(document, indent=1))
    return path


def _address(port: int) -> dict[str, object]:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}
