"""What we compare with: the same job written the usual way.

One `json.loads` a line, one message a row, a unary call a batch that is answered when the batch is
committed, one INSERT a row into a table with three indexes. Same fields, same durability (WAL,
`synchronous=FULL`), same gRPC library, same Python. No malice: no work that is not needed, batches
of 1 000 rows, prepared statements.
"""
