"""What is true of this course only."""
