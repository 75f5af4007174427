"""Metrics as functions of arrays: each can be called alone."""
