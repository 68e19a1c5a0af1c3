"""Tchavi Studio: a self-hosted studio around a prompt-to-video API."""
