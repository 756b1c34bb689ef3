"""Run the parts on this machine: PostgreSQL from a wheel, the exporter, and Collector and Jaeger when installed."""
