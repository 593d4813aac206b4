"""The methods that we call, one row each: parameters, timeout, refusals, what a response means.

`row` defines a method and judges its response; each family of methods has a file; `table` collects
them by name; `pictures` makes the multipart body of methods that carry files.
"""
