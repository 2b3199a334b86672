"""The doubles that the shipped test matrix uses, under the name that this project's own tests know them by."""

from workbench.testing.minds import *  # noqa: F403
