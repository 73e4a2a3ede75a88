"""The C sources of the `cpu` engine and their build; nothing here knows what an operation means."""
