"""What a repository of one's own begins with: the files of `farshore init`. templates/ has their texts."""
