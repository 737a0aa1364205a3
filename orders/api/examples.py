"""Examples of every operation, for the schema."""

EXAMPLES: dict = {}
PROBLEMS: dict = {}
