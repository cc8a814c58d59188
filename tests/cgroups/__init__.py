"""Calls in control groups. `make cgroups` runs these tests in a virtual machine."""
