"""What metering's form of a call record is worth: the product beside consumers of one JSON event a call."""
