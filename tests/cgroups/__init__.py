"""Calls in control groups, in a virtual machine that is started for them (make cgroups)."""
