"""What binds the chapters of a study: inputs, the run folder, findings, parameters."""
