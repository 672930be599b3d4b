"""What runs in the jobs process: long work on models, one file per kind."""
