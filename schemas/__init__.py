"""JSON Schema documents, shipped as data beside the code."""
