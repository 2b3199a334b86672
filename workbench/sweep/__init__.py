"""Sweeps: sessions x lanes x models x settings x seeds as tasks, here or on a Ray cluster, into run files."""
