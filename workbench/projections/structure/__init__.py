"""What is special about a memory, in the shape that tells most of it: one file per shape, ``view`` chooses."""
