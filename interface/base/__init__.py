"""What every room needs and no room owns: whole files, near misses of names.

Rule of this folder: it imports nothing of ours, and every room may import it.
"""
