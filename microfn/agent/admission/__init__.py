"""Whether there is room for a call: tokens and memory, of this process or of all processes of the machine."""
