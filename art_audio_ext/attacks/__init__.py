"""Attacks on audio models, at the addresses ART gives them."""
