"""HTTP: problem details, and the operations port that every service has."""
