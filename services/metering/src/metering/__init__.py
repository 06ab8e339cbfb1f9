"""Metering: turns call records into exact usage windows, and says until when they are complete."""
