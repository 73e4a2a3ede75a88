"""A results folder as a static site that works from disk, without a network."""
