"""Runs ministack until standard input ends, so that it never outlives whoever started it.

Its Step Functions are made as strict as those of AWS first, and its IAM is taught a condition.
"""

import os
import signal
import sys
import threading
import time

import iam_conditions
import strict_step_functions
from ministack.app import main


def stop_at_end_of_input():
    sys.stdin.buffer.read()
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(5)
    os._exit(0)


strict_step_functions.enforce()
iam_conditions.teach()
threading.Thread(target=stop_at_end_of_input, daemon=True).start()
main()
