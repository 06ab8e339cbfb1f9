"""The gateway beside nginx and Envoy on one machine in one run: `make bench-gateway`."""
