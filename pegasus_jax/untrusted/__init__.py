"""Files of strangers as plain values: nothing in them runs, and none of them may take more of the machine than said.

Every loader of the package opens its files here. `limits` says what a file may cost; the other modules read one kind
of file each, and raise `UserError` with one sentence for whatever is wrong with it.
"""
