"""File → Inspection, or ModelRejected(code). Pure; whatever is untrusted is read in a sandbox."""
