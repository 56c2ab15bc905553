"""What runs functions: warm worker processes that speak the Lambda Runtime API."""
