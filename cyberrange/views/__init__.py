"""What people look at: one theme, the figures, the words and the reports. No simulation happens here."""
