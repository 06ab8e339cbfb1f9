"""The seed's journey from an empty stack to a paid invoice and a revoked subscription, each observation checked.

It is a user of the product and no more: it speaks to the documented REST API, the gateway and the pages that Stripe
(here its double) shows, and to `sandbox_clock` to let a month pass. It fails loudly where what it sees is not what the
seed promises.
"""
