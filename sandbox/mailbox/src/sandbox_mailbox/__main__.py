"""`python -m sandbox_mailbox [--host H] [--port P] [--smtp-port P]`: serve until stopped."""

import argparse

import uvicorn

from sandbox_mailbox.app import create_app
from sandbox_mailbox.mails import Mailbox


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(prog="sandbox_mailbox", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8600)
    parser.add_argument("--smtp-port", type=int, default=8601)
    given = parser.parse_args()
    app = create_app(Mailbox(), smtp_host=given.host, smtp_port=given.smtp_port)
    print(f"Mailbox on http://{given.host}:{given.port}, SMTP on {given.host}:{given.smtp_port}", flush=True)
    uvicorn.run(app, host=given.host, port=given.port, log_level="warning", access_log=False, server_header=False)


if __name__ == "__main__":
    main()
