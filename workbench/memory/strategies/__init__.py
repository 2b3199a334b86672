"""One file per memory strategy; ``workbench.memory.registry`` names them."""
