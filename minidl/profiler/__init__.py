"""Where time goes: by op and by layer, forward and backward, beside what the machine can do. What is timed is not here.

::

    with md.profiler.profile() as prof:
        for _ in range(10):
            step()
    print(prof.key_averages().table(sort_by="self_cpu_time_total", row_limit=10))
    print(prof.layers().table())
    prof.export_chrome_trace("trace.json")
"""

from minidl.profiler.events import Average as Average
from minidl.profiler.events import Event as Event
from minidl.profiler.events import EventList as EventList
from minidl.profiler.events import Shares as Shares
from minidl.profiler.profile import profile as profile
from minidl.profiler.profile import record_function as record_function
from minidl.profiler.roofline import Peaks as Peaks
from minidl.profiler.roofline import measure_peaks as measure_peaks
