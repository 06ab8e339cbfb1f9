"""Mails: kept in the transaction that causes them, sent by SMTP afterwards, tried again while that helps."""
