"""One file a slow verb: argument parsing and printing only."""
