"""What others rely on: events, problem documents, result files, command lines."""
