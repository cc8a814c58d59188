"""Functions for paths, under the former name of `microfn.routing.paths`."""

from .routing.paths import clean_path, decode_path, location

__all__ = ["clean_path", "decode_path", "location"]
