"""IAM and STS: who signed a request, and what they may do."""
