"""What subscriptions, usage and Stripe keys are to the portal: decisions without I/O."""
