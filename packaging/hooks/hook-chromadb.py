"""Chroma finds its parts by the names in its settings, and its schema in files beside the code.

What of it serves over the network, computes embeddings or speaks to a cluster is left out: Mnemoscope hands over
embeddings and keeps the store in its own process.
"""

from PyInstaller.utils.hooks import collect_data_files, collect_submodules, copy_metadata

hiddenimports = [
    "chromadb.api.rust",
    "chromadb.telemetry.product.posthog",
    "chromadb_rust_bindings",
    *collect_submodules("chromadb.telemetry"),
    *collect_submodules("chromadb.db.impl"),
]
datas = collect_data_files("chromadb", includes=["**/*.sql", "**/*.yml"]) + copy_metadata("chromadb")
