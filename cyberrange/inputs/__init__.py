"""Text to validated records: the schema, YAML with line and column, cross checks, shipped files."""
