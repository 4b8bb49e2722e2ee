"""The journey of one submission, and where each step lives.

web.api receives the bytes, flow.submit refuses or keeps them and queues a grading run in one transaction.
worker claims the run under a lease and calls flow.grade, which reads the notebook (notebook.read), finds which cells
answer which question (notebook.locate) and asks the sandbox (sandbox.runner) to execute it. There nbclient drives a
single-use kernel; at the end of each question's cells the probe (sandbox.kernel.probe) hands values out as plain
bytes (sandbox.wire). Outside, grading.checks compares them with the reference's values, grading.score adds the points
and feedback explains them. One conditional update stores the result (storage); feedback.catalogue makes the sentences
when somebody reads them. Names are explained in docs/glossary.md, the layers in docs/architecture.md.
"""

__version__ = "0.1.0"
