"""Who a card is and what is in its flash: read, compared with what is wanted, and backed up."""
