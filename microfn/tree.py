"""The radix tree, under the former name of `microfn.routing.tree`."""

from .routing.node import Node
from .routing.tree import Tree

__all__ = ["Node", "Tree"]
