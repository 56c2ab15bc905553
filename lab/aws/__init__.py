"""What any tutorial on AWS needs."""
