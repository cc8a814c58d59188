"""Where requests become calls of an agent. Nothing else in the agent knows requests."""
