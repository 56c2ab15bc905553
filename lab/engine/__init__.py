"""What any tutorial in notebooks needs."""
