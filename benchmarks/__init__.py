"""Benchmarks: `make bench` runs all, `make bench-quick` the first. See benchmarks/README.md."""
