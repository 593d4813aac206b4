"""The methods that we call, one row each: parameters, timeout, refusals, what an answer means.

row says what a method is and how an answer is judged; each family of methods has a file; table
gathers them all by name; pictures makes the multipart body of those that carry files.
"""
