"""A class of learners on one AWS account."""
