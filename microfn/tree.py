"""The radix tree, under the name that it had before it moved to `microfn.routing`."""

from .routing.node import Node
from .routing.tree import Tree

__all__ = ["Node", "Tree"]
