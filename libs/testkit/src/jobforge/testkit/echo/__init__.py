"""A deliberately tiny domain for tests and benchmarks; no plane starts it by itself."""
