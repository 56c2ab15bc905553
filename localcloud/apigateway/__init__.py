"""API Gateway: REST APIs and their deployed stages."""
