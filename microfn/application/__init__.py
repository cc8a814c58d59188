"""The life of a request, and the snapshot that answers it."""
