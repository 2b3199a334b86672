"""The engine of Mnemoscope: sessions, lanes, the Mind, the trace and its projections. Imports no Qt."""

import os

# llama.cpp has the cores. A second pool of threads inside NumPy makes small products much slower when they
# are busy (measured: the tests of Titans took 6 s instead of 0.5 s); whoever sets the variable is heard.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

__version__ = "0.1.0"
