"""DynamoDB: moto answers; the permissions for each call are here."""
