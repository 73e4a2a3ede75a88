"""The C sources of the `cpu` engine and their build; what an operation means stands in its own package."""
