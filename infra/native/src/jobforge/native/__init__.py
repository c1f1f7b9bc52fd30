"""Kafka, Valkey, Jaeger and the services as local processes."""
