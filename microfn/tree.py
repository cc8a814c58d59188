"""The radix tree, under the name that it had before it moved to `microfn.routing`."""

from .routing.tree import Node, Tree

__all__ = ["Node", "Tree"]
