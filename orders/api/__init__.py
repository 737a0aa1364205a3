"""The REST API: what a client's program may do, in JSON, under ``/api/v1/``."""
