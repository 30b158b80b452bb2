"""Scenes that people change in the browser, and the photographs that follow."""
