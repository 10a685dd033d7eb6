"""Preprocessors that purify input before a classifier sees it."""
