"""The course's machinery: lessons as steps, exercises and how they are judged, pictures, and the record of numbers.

Nothing in the library needs it; matplotlib, rich and tqdm are imported where they are used.
"""

from minidl.learn import photographs as photographs
from minidl.learn import plots as plots
from minidl.learn import toys as toys
from minidl.learn.checks import check as check
from minidl.learn.checks import hint as hint
from minidl.learn.checks import solution as solution
from minidl.learn.lesson import Lesson as Lesson
from minidl.learn.lesson import progress as progress
