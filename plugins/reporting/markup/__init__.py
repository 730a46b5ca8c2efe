"""Text for trackers: blocks of words, and what GitHub's Markdown and Jira's documents make of them."""
