"""The adapters against their contracts, and what each does of its own."""
