"""The engine: one child process that runs lanes and is the only writer of the trace."""
