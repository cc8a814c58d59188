"""OpenAPI 3.1 documents of applications."""

from .documents import document, openapi

__all__ = ["document", "openapi"]
