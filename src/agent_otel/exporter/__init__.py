"""The PostgreSQL span exporter: OTLP in, COPY out."""
