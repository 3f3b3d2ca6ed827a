"""Is a gradient right? The numeric check."""
