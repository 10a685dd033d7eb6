"""Defences, at the addresses that ART gives them."""
