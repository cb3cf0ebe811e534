"""The model registry."""

SQL = """
"""
