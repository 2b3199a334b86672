"""The model manager: which models there are, which are installed, how one is obtained, and what fits this machine."""
