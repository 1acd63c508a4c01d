"""The authentication service: one paired server per token; the only place that holds seeds."""
