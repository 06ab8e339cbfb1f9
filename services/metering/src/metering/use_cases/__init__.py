"""What metering does, each in one transaction of its caller, through the ports."""
