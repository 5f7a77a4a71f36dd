"""Signal to order, pure: playbooks, sizing, risk, orders, exits, fills, costs, portfolio."""
