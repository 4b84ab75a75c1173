"""Explorers: turn a knob, see what a method does; one file per notebook."""
