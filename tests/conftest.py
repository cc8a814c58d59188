"""Settings of all tests."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# A busy machine may take long for an example, and for making one.
settings.register_profile("microfn", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("microfn")
