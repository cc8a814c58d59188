"""Functions for paths, under the name that they had before they moved to `microfn.routing`."""

from .routing.paths import clean_path, decode_path, location

__all__ = ["clean_path", "decode_path", "location"]
