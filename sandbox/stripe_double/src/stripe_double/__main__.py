"""`stripe-double` (or `python -m stripe_double`): serve until stopped."""

import argparse
import os
from pathlib import Path

import uvicorn

from stripe_double.app import create_app
from stripe_double.config import Config
from stripe_double.double import Double


def main() -> None:
    """Read the settings, say where the default account is, serve."""
    env = os.environ
    parser = argparse.ArgumentParser(prog="stripe-double", description="A stateful double of Stripe's billing API.")
    parser.add_argument("--host", default=env.get("STRIPE_DOUBLE_HOST", "127.0.0.1"))
    parser.add_argument("--port", type=int, default=int(env.get("STRIPE_DOUBLE_PORT", "8400")))
    parser.add_argument("--state", default=env.get("STRIPE_DOUBLE_STATE"), help="SQLite file; in memory when not given")
    parser.add_argument("--public-url", default=env.get("STRIPE_DOUBLE_PUBLIC_URL"), help="where browsers reach it")
    parser.add_argument(
        "--aggregation-lag-seconds", type=float, default=float(env.get("STRIPE_DOUBLE_AGGREGATION_LAG_SECONDS", "0.3"))
    )
    given = parser.parse_args()
    config = Config(
        public_url=(given.public_url or f"http://{given.host}:{given.port}").rstrip("/"),
        state=Path(given.state) if given.state else None,
        aggregation_lag_seconds=given.aggregation_lag_seconds,
    )
    app = create_app(config)
    double: Double = app.state.double
    row = double.store.db.execute("SELECT * FROM accounts ORDER BY rowid LIMIT 1").fetchone()
    print(f"Stripe double on {config.public_url}, account {row['id']}", flush=True)
    print(f"  secret key       {row['secret_key']}", flush=True)
    print(f"  publishable key  {row['publishable_key']}", flush=True)
    uvicorn.run(app, host=given.host, port=given.port, log_level="warning", access_log=False)


if __name__ == "__main__":
    main()
