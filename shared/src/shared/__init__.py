"""What all Tollway services share: event contracts, messaging, database, HTTP and observability plumbing.

Contracts carry data, never rules; `rating` is the one exception, because caps, estimates and
the plan editor must agree.
"""
