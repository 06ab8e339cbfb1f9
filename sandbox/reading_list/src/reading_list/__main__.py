"""`python -m reading_list [--host H] [--port P] [--public-url U]`."""

import argparse
import os

import uvicorn

from reading_list.app import create_app


def main() -> None:
    """Serve until stopped."""
    parser = argparse.ArgumentParser(prog="reading_list", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=int(os.environ.get("READING_LIST_PORT", "8500")))
    parser.add_argument("--public-url", help="the server that its contract names, if not http://H:P")
    given = parser.parse_args()
    app = create_app(given.public_url or f"http://{given.host}:{given.port}")
    uvicorn.run(app, host=given.host, port=given.port, access_log=False, log_level="warning", server_header=False)


if __name__ == "__main__":
    main()
