"""DynamoDB: the one table behind the ports `JobStore` and `Directory`."""
