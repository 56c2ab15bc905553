"""DynamoDB: moto answers; here is which permissions a call needs."""
