"""The launcher: the process beside a server's process that starts functions and ends them.

A server's process has threads, signal handlers and children of its own, so the launcher touches none of that. A thread
that waits for a slow client cannot look at a clock. The launcher has one thread and imports only the standard library.
Run it by the path of this folder.

These modules know nothing of what surrounds the folder, so a broker may share them: `protocol` (the messages),
`spawn` and `limits` (start a process), `processes` (read `/proc`), `kill`, `cgroup`, `run` (one function)
and `supervisor`.
"""
