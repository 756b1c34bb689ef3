"""Everything that speaks SQL: schema, writes, reads. No other package opens a database connection."""
