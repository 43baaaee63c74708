"""The HTTP dialects: how a request is read, how an answer and each error look. Nothing else differs between them."""
