"""Where work comes in: records of the bus, and the publisher's loop."""
