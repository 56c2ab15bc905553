"""DynamoDB: moto answers; what a caller needs for it is here."""
