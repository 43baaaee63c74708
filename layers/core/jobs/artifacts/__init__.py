"""Files that a worker puts as outputs of a job: announced while the attempt runs, shown once it is completed."""
