"""The contracts of the bus: one frozen model per event, and the one list of topics.

Models are msgspec structs: they decode several times faster than the alternatives where the gateway needs it, and one
kind of model for all topics is one thing to know. Every struct carries its `type` (a past event with its version, as
CloudEvents' `type`); unknown fields are ignored, new fields need a default, so old readers and old
records keep working.
"""
