"""Ends in the way that is asked for. usage: exits.py HOW [ARGUMENT]"""

import os
import signal
import sys
import threading
import time

how, argument = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else ""
kept = [bytearray(5_000_000) for _ in range(10)]
print("before the end", flush=True)

if how == "status":
    sys.exit(int(argument))
elif how == "message":
    sys.exit("the job says why it stops")
elif how == "at_once":
    os._exit(int(argument))
elif how == "exception":
    raise RuntimeError("nobody catches this")
elif how == "signal":
    os.kill(os.getpid(), getattr(signal, argument))
    time.sleep(10)
elif how == "thread_exit":
    # The process ends while other threads still work.
    threading.Thread(target=lambda: [bytes(1000) for _ in iter(int, 1)], daemon=True).start()
    time.sleep(0.2)
    os._exit(int(argument))
elif how == "exec":
    os.execv("/bin/echo", ["echo", "another program"])
