"""The package as it is shipped: what it exports, imports, needs and contains."""
