"""What a course needs beside the book: the checks of its exercises, and a game of claims."""
