"""What the server keeps: artifacts, access, results and the audit log; SQLite and files."""
