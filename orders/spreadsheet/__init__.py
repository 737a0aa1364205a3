"""Spreadsheets in and out: orders from files and pasted cells, and lists of orders as files."""
