"""A small model and a package that holds it, as the tests of the model manager have them."""

from tests.workbench.models.conftest import entry, gguf, package

__all__ = ["entry", "gguf", "package"]
