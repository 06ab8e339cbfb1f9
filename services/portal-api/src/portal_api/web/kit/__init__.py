"""The design system: what every page is built of. It knows no feature but identity's actor."""
