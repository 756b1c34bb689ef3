"""What can be asked of the audit trail, and how its answers are put in order. Figures are made in the database."""
