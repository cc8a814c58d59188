"""Tests that start real servers on free ports of 127.0.0.1."""
