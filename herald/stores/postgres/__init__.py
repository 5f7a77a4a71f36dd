"""Adapters on PostgreSQL: the journal, orders, the paper venue's books, the ledger. One concept a file."""
