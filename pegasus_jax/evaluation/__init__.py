"""Measuring avatars: metrics, stills to beat, held-out reconstruction, reports."""
